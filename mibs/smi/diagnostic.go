package smi

import (
	"fmt"
	"slices"
)

// Diagnostic reports a deviation of a MIB from the rules, and how it was read.
type Diagnostic struct {
	File   string // empty for embedded facts
	Line   int    // from 1; 0 if it is about the file as a whole
	Module string
	Text   string
	// Skipped reports whether a part of the module is left out. Otherwise the module is complete, as far
	// as the meaning of the text is clear.
	Skipped bool
}

func (d Diagnostic) String() string {
	where := d.Module
	if d.File != "" {
		where = d.File
	}
	if d.Line > 0 {
		where = fmt.Sprintf("%s:%d", where, d.Line)
	}
	return where + ": " + d.Text
}

// Source is a text that modules were read from.
type Source struct {
	Path  string
	text  string
	lines []uint32 // where each line ends, made when first needed
}

// Line returns the number of the line that holds an offset. Lines end with CR, LF or both.
func (s *Source) Line(offset uint32) int {
	if s.lines == nil {
		s.lines = []uint32{}
		for i := 0; i < len(s.text); i++ {
			if s.text[i] == '\n' || s.text[i] == '\r' && (i+1 == len(s.text) || s.text[i+1] != '\n') {
				s.lines = append(s.lines, uint32(i))
			}
		}
	}
	before, _ := slices.BinarySearch(s.lines, offset)
	return 1 + before
}
