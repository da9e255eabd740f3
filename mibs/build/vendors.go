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
	"regexp"
	"slices"
	"strings"

	"trapline/mibs"
)

// object matches the names of objects in files of profiles.
var object = regexp.MustCompile(`\b([A-Za-z][\w-]*)::([a-zA-Z][\w-]*)`)

// named returns the objects that files of profiles name, by module. Comments are left out.
func named(files []string) (map[string][]string, error) {
	objects := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for _, m := range object.FindAllStringSubmatch(line, -1) {
				if !slices.Contains(objects[m[1]], m[2]) {
					objects[m[1]] = append(objects[m[1]], m[2])
				}
			}
		}
	}
	return objects, nil
}

// buildVendors writes mibs/vendors and mibs/vendors.zip, and prints the objects that no file has: profiles name those
// by their OIDs.
func buildVendors(directories []string) error {
	files, err := filepath.Glob("profiles/*/*.yml")
	if err != nil {
		return err
	}
	objects, err := named(files)
	if err != nil {
		return err
	}
	d, err := mibs.OpenDirectories(directories...)
	if err != nil {
		return err
	}
	texts, missing, err := cut(objects, d)
	if err != nil {
		return err
	}
	for _, m := range missing {
		fmt.Fprintln(os.Stderr, m)
	}
	if err := replace("mibs/vendors", texts); err != nil {
		return err
	}
	archive, err := compress(texts)
	if err != nil {
		return err
	}
	return os.WriteFile("mibs/vendors.zip", archive, 0o644)
}

// replace makes these the only files of facts in a directory.
func replace(dir string, texts map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(dir + "/*.tsv")
	if err != nil {
		return err
	}
	for _, file := range old {
		if texts[strings.TrimSuffix(filepath.Base(file), ".tsv")] == nil {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name+".tsv"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compress returns the archive of facts, always the same for the same facts.
func compress(texts map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".tsv", Method: zip.Deflate})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(texts[name]); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
