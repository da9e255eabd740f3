package mute

import (
	"strings"
	"testing"
)

// Single quotes around a value are an error: they would be compared with. A value that has them is written in double
// quotes, as text of matchers is.
func TestSingleQuotes(t *testing.T) {
	for _, text := range []string{`site='berlin'`, `site=~'sw-.*'`, `{a="b",site!='berlin'}`} {
		if m, err := Parse(text); err == nil || !strings.Contains(err.Error(), "would be part of the value") {
			t.Errorf("%s: %v, %v", text, m, err)
		}
	}
	for _, text := range []string{`site="'berlin'"`, `site="it's"`, `site='`, `site=a'`} {
		m, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if again, err := Parse(m.String()); err != nil || again.String() != m.String() {
			t.Errorf("%s: %v, %v", m, again, err)
		}
	}
}
