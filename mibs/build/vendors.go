package main

import (
	"fmt"
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

// buildVendors writes mibs/vendors and mibs/vendors.zst, and prints the objects that no file has: profiles name those
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
	return pack("mibs/vendors.zst", texts)
}

// pack writes an archive of the facts of modules.
func pack(file string, texts map[string][]byte) error {
	compressed, err := mibs.PackFacts(texts)
	if err != nil {
		return err
	}
	return os.WriteFile(file, compressed, 0o644)
}

// replace makes these the only facts of modules in a directory.
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
