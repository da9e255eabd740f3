package main

import (
	"bytes"
	"os"
	"testing"
)

// The archive is what `go generate ./profiles` makes of the files.
func TestArchiveIsCurrent(t *testing.T) {
	want, warnings, err := build("..")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d octets, %d warnings", len(want), len(warnings))
	got, err := os.ReadFile("../profiles.zst")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("profiles.zst is not up to date (%v): run go generate ./profiles", err)
	}
	const most = 840 << 10 // so that the binary has 3 MB more with profiles than without
	if len(got) > most {
		t.Errorf("profiles.zst has %d octets", len(got))
	}
}
