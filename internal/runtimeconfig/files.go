package runtimeconfig

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"path/filepath"
)

// standardFiles are where the configuration is looked for if no flag says.
var standardFiles = []string{"snmp.yml", "/etc/trapline/snmp.yml"}

// Files returns the files of flags, else the first standard one that exists.
func Files(named []string) []string {
	if len(named) > 0 {
		return named
	}
	for _, file := range standardFiles {
		if _, err := os.Stat(file); err == nil {
			return []string{file}
		}
	}
	return standardFiles[:1]
}

// UnreadableError is the error of files that cannot be read at all.
type UnreadableError struct{ err error }

func (e *UnreadableError) Error() string { return e.err.Error() }

func (e *UnreadableError) Unwrap() error { return e.err }

// unreadable returns the error of loading files, as an UnreadableError if they cannot be read at all.
func unreadable(files []string, err error) error {
	if !AnyFile(files) {
		return &UnreadableError{fmt.Errorf(`%s: no such file. Try "trapline demo", "trapline init HOST" or --config.file`, strings.Join(files, ", "))}
	}
	for _, file := range Expanded(files) {
		f, errOpen := os.Open(file)
		if errOpen != nil {
			return &UnreadableError{err}
		}
		info, errStat := f.Stat()
		_ = f.Close()
		if errStat != nil || info.IsDir() {
			return &UnreadableError{err}
		}
	}
	return err
}

// Mentioned reports whether a name occurs in one of the files, or a file cannot be read.
func Mentioned(patterns []string, name string) bool {
	return slices.ContainsFunc(Expanded(patterns), func(file string) bool {
		text, err := os.ReadFile(file)
		return err != nil || bytes.Contains(text, []byte(name))
	})
}

// Expanded returns the files that patterns match. A pattern without a match stays, for the error of opening it.
func Expanded(patterns []string) (files []string) {
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			found = []string{pattern}
		}
		files = append(files, found...)
	}
	return files
}

// AnyFile reports whether patterns match a file.
func AnyFile(patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		found, err := filepath.Glob(pattern)
		return err != nil || len(found) > 0
	})
}
