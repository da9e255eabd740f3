package peers

import (
	"os"
	"path/filepath"
	"testing"
)

// NodeModule reads a file of an npm package of internal/web/package-lock.json, which scripts/peers.sh installs.
// Without it the test fails under CI, and is skipped elsewhere.
func NodeModule(t testing.TB, path string) []byte {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(root, "go.mod")) && root != filepath.Dir(root) {
		root = filepath.Dir(root)
	}
	content, err := os.ReadFile(filepath.Join(root, "internal", "web", "node_modules", path))
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%v: scripts/peers.sh installs it", err)
	default:
		t.Skipf("SKIPPED: %v: scripts/peers.sh installs it", err)
	}
	return content
}
