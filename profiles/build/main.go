// Command build writes profiles.zip: the files of profiles in the directory named by its argument, and their index.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"trapline/config"
	"trapline/internal/profile"
	"trapline/profiles"
)

func main() {
	dir := "profiles"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := write(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(dir string) error {
	archive, warnings, err := build(dir)
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, w)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "profiles.zip"), archive, 0o644)
}

// build returns the archive of a directory, always the same for the same files, and the warnings about them.
func build(dir string) (archive []byte, warnings []string, err error) {
	entries, err := profiles.Files(os.DirFS(dir))
	if err != nil {
		return nil, nil, err
	}
	index, warnings, err := config.IndexProfiles(entries)
	if err != nil {
		return nil, warnings, err
	}
	if entries[profiles.Index], err = index.Encode(); err != nil {
		return nil, warnings, err
	}
	entries[profiles.Outputs] = profile.EncodeOutputs(index.Outputs)
	archive, err = compress(entries)
	return archive, warnings, err
}

func compress(entries map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(entries[name]); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
