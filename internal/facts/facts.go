// Package facts has the values by which devices describe themselves, remembers them, and makes names and labels of them.
package facts

import (
	"strings"

	"trapline/internal/human"
)

// Facts are values that a device reports about itself. Each is one line of up to 255 octets.
type Facts struct {
	SysName     string `json:"sysName,omitempty"`
	SysDescr    string `json:"sysDescr,omitempty"`
	SysObjectID string `json:"sysObjectID,omitempty"` // dotted numbers
	SysLocation string `json:"sysLocation,omitempty"`
	SysContact  string `json:"sysContact,omitempty"`
}

// maxText bounds a fact, in octets: a DisplayString has no more.
const maxText = 255

// Line returns a text of a device as one line: white space is one space each, characters that deceive are replaced.
func Line(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxText)], "\uFFFD")
	text = human.Visible(strings.Join(strings.Fields(text), " "))
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "")
}

// Lines returns the facts with each text as one line.
func (f Facts) Lines() *Facts {
	return &Facts{Line(f.SysName), Line(f.SysDescr), Line(f.SysObjectID), Line(f.SysLocation), Line(f.SysContact)}
}

// CanName reports whether a text may have been meant as a name: one that was cut, or had characters that deceive, was not.
func CanName(text string) bool {
	return text != "" && len(text) < maxText && strings.IndexFunc(text, replaced) < 0
}

// replaced reports whether a character may stand for one that deceives.
func replaced(r rune) bool { return r >= '␀' && r <= '␦' || r == '⍰' || r == '\uFFFD' }
