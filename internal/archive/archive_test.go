package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// some returns files of all sizes, empty ones and one that is larger than a block among them.
func some(r *rand.Rand) map[string][]byte {
	files := map[string][]byte{}
	for i := range r.IntN(40) {
		size := []int{0, r.IntN(100), r.IntN(blockSize), blockSize + r.IntN(blockSize)}[min(r.IntN(40), 3*r.IntN(2))%4]
		text := make([]byte, size)
		for j := range text {
			text[j] = "OBJECT-TYPE\t\n"[j*j/7%13]
		}
		files[fmt.Sprintf("%d/%d.tsv", r.IntN(10), i)] = text
	}
	return files
}

// What is compressed is read, in any order, and always compressed to the same octets.
func TestFilesAreReadAsTheyWere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		files := some(r)
		text, err := Compress(files)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := Compress(files); !bytes.Equal(text, again) {
			t.Fatal("the same files make another archive")
		}
		a, err := Open(text)
		if err != nil {
			t.Fatal(err)
		}
		names := slices.Sorted(maps.Keys(files))
		if !slices.Equal(a.Names(), names) {
			t.Fatalf("names %q, want %q", a.Names(), names)
		}
		for name, got := range a.All() {
			if !bytes.Equal(got, files[name]) {
				t.Fatalf("%s differs", name)
			}
		}
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			if got, err := a.Read(name); err != nil || !bytes.Equal(got, files[name]) {
				t.Fatalf("%s differs: %v", name, err)
			}
		}
		if _, err := a.Read("none"); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("a file that is not there: %v", err)
		}
	}
}

// Damage is an error or other octets, and never more.
func TestDamageIsAnError(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	text, err := Compress(map[string][]byte{"a": []byte("first file"), "b": bytes.Repeat([]byte("second"), 100), "c": nil})
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		damaged := bytes.Clone(text[:len(text)-r.IntN(2)*r.IntN(len(text))])
		for range r.IntN(3) {
			if len(damaged) > 0 {
				damaged[r.IntN(len(damaged))] = byte(r.Uint32())
			}
		}
		a, err := Open(damaged)
		if err != nil {
			continue
		}
		for _, name := range a.Names() {
			_, _ = a.Read(name)
		}
	}
}

func TestNamesOfFiles(t *testing.T) {
	for _, name := range []string{"", "a\tb", "a\nb"} {
		if _, err := Compress(map[string][]byte{name: nil}); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}
