package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong in a file.
type Problem struct {
	File string // empty if the problem is in no particular file
	Line int    // from 1; 0 if the problem is in no particular line
	Text string
}

func (m Problem) String() string {
	switch {
	case m.File == "":
		return m.Text
	case m.Line == 0:
		return m.File + ": " + m.Text
	}
	return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Text)
}

// clip leaves out the middle of a text that quotes much of the file. The error stands before the quotation,
// the correction after it.
func clip(text string) string {
	const head, tail = 400, 800
	if len(text) <= head+tail {
		return text
	}
	return strings.ToValidUTF8(text[:head], "") + " … " + strings.ToValidUTF8(text[len(text)-tail:], "")
}

// Problems is everything that is wrong in the files, sorted by file and line.
type Problems []Problem

// Error returns the problems, one per line.
func (m Problems) Error() string {
	lines := make([]string, len(m))
	for i, problem := range m {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Sorted sorts the problems by file, line and text.
func (m Problems) Sorted() Problems {
	slices.SortFunc(m, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Text, b.Text))
	})
	return m
}
