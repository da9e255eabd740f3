// Command build writes profiles.zst: the files of profiles in the directory named by its argument, and their index.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"trapline/config"
	"trapline/internal/archive"
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
	text, warnings, err := build(dir)
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, w)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "profiles.zst"), text, 0o644)
}

// build returns the archive of a directory, always the same for the same files, and the warnings about them.
func build(dir string) (text []byte, warnings []string, err error) {
	entries, err := profiles.Files(os.DirFS(dir))
	if err != nil {
		return nil, nil, err
	}
	index, warnings, err := config.IndexProfiles(entries)
	if err != nil {
		return nil, warnings, err
	}
	if entries[profiles.Index], entries[profiles.Modules], err = index.Encode(); err != nil {
		return nil, warnings, err
	}
	entries[profiles.Outputs] = profile.EncodeOutputs(index.Outputs)
	text, err = archive.Compress(entries)
	return text, warnings, err
}
