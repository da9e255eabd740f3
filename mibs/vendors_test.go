package mibs

import (
	"archive/zip"
	"bytes"
	"os"
	"strings"
	"testing"
)

// The archive has the facts that lie beside it, and each of them can be read by itself.
func TestVendorFactsAreThoseOfTheFiles(t *testing.T) {
	if _, err := zip.NewReader(bytes.NewReader(vendorArchive), int64(len(vendorArchive))); err != nil {
		t.Fatal(err)
	}
	names := Vendors().Names()
	for _, name := range names {
		want, err := os.ReadFile("vendors/" + name + ".tsv")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := vendorText(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the archive is not up to date (%v): run go run ./mibs/build -vendors DIRECTORY", name, err)
		}
		tree, err := Load([]string{name}, Embedded(), Vendors())
		if err != nil {
			t.Error(err)
			continue
		}
		for _, d := range tree.Diagnostics() {
			// A type, as SMIv1 allows, and the rows of faulty modules, whose columns make no series.
			if !strings.HasSuffix(d.Text, "which is no object") {
				t.Error(d)
			}
		}
		if !tree.Modules()[0].Partial {
			t.Errorf("%s is complete", name)
		}
	}
	if entries, _ := os.ReadDir("vendors"); len(entries) != len(names) {
		t.Errorf("%d files of facts, %d in the archive", len(entries), len(names))
	}
}

func BenchmarkVendors(b *testing.B) {
	for b.Loop() {
		if _, err := LoadAll(Embedded(), Vendors()); err != nil {
			b.Fatal(err)
		}
	}
}
