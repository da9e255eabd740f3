package setting

import "fmt"

// Problem is an error or a doubt about a value of the file. Path leads from the value that was checked to the field,
// in the file's own keys: "metrics[3].type"; empty means the value itself.
type Problem struct {
	Path string
	Text string
}

// Problems is a list of problems under construction.
type Problems []Problem

// Add appends a problem, formatted as fmt.Sprintf does.
func (p *Problems) Add(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

// AddText adds the text of a problem, unless it is empty.
func (p *Problems) AddText(path, text string) {
	if text != "" {
		p.Add(path, "%s", text)
	}
}

// Checked is implemented by settings that can be in error in ways that their types do not exclude.
type Checked interface{ Problems() []Problem }

// Warned is implemented by settings that can be valid but are probably not intended.
type Warned interface{ Warnings() []Problem }
