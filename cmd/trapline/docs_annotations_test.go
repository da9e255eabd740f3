package main

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"trapline/internal/notify"
)

// The guide lists every annotation of notifications, and names none that is unknown.
func TestDocsHaveAllAnnotations(t *testing.T) {
	text, err := os.ReadFile("../../docs/6-receivers.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := regexp.MustCompile(`\btrap_[a-z_]+`).FindAllString(string(text), -1)
	slices.Sort(documented)
	known := slices.Sorted(slices.Values(notify.TrapAnnotations))
	if documented = slices.Compact(documented); !slices.Equal(documented, known) {
		t.Errorf("docs/6-receivers.md has %q, want %q", documented, known)
	}
}
