// Package profiles holds the built-in profiles of devices: VENDOR/FAMILY.yml, compressed into one file with an index.
package profiles

import (
	_ "embed"
	"io/fs"
	"sync"

	"trapline/internal/archive"
)

//go:generate go run ./build .

//go:embed profiles.zst
var compressed []byte

// Entries of the archive beside the files of profiles.
const (
	Index   = "index.json"  // which profiles there are: see profile.Index
	Modules = "modules.tsv" // what each module reads
	Outputs = "outputs.tsv" // the metrics of each module: see profile.Outputs
)

var open = sync.OnceValues(func() (*archive.Archive, error) { return archive.Open(compressed) })

// Read returns an entry of the archive: VENDOR/FAMILY.yml, or Index.
func Read(name string) ([]byte, error) {
	a, err := open()
	if err != nil {
		return nil, err
	}
	return a.Read(name)
}

// Files returns the files of profiles below a directory, by name.
func Files(dir fs.FS) (map[string][]byte, error) {
	names, err := fs.Glob(dir, "*/*.yml")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[name], err = fs.ReadFile(dir, name); err != nil {
			return nil, err
		}
	}
	return files, nil
}
