package smi

import (
	"fmt"
	"slices"
)

// Diagnostic says where a MIB departs from the rules, and what was made of it.
type Diagnostic struct {
	File   string // empty for embedded facts
	Line   int    // from 1; 0 if it is about the file as a whole
	Module string
	Text   string
	// Skipped: part of what the module says is left out. Else all of it is there, as far as the text
	// tells what was meant.
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

// Line tells the number of the line that holds an offset. Lines end with CR, LF or both.
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
