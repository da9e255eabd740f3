package web

import (
	"bytes"
	"testing"

	"trapline/internal/peers"
)

// Files of others are embedded as the lock file's packages have them, whose hashes npm checks.
func TestVendoredFilesAreThoseOfTheLockFile(t *testing.T) {
	for name, source := range map[string]string{
		"htmx.min.js": "htmx.org/dist/htmx.min.js", "uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js", "uPlot.min.css": "uplot/dist/uPlot.min.css",
		"htmx.LICENSE": "htmx.org/LICENSE", "uPlot.LICENSE": "uplot/LICENSE",
	} {
		want := peers.NodeModule(t, source)
		got, err := staticFiles.ReadFile("static/vendor/" + name)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from the lock file's %s (%v): run make vendor", name, source, err)
		}
	}
}
