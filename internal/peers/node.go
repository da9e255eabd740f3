package peers

import (
	"os"
	"path/filepath"
	"testing"

	"trapline/internal/corpus"
)

// NodeModule reads a file of an npm package of internal/web/package-lock.json, which
// scripts/peers.sh installs. If it is missing the test fails under CI, and is skipped elsewhere.
func NodeModule(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(corpus.Root, "internal", "web", "node_modules", path))
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%v: scripts/peers.sh installs it", err)
	default:
		t.Skipf("SKIPPED: %v: scripts/peers.sh installs it", err)
	}
	return content
}
