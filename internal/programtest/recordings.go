package programtest

import (
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/agent"
)

// Recordings returns the recordings of a corpus, at one point in time, and the names of the devices.
func Recordings(t *testing.T, dir string) (names []string, list []*agent.Recording) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "recordings", "*.snmprec*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, file := range files {
		r, err := agent.OpenRecording(file)
		if r == nil {
			t.Fatal(err)
		}
		names, list = append(names, strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".gz"), ".snmprec")), append(list, r.Still())
	}
	return names, list
}
