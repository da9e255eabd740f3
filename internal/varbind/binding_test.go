package varbind

import (
	"strings"
	"testing"
)

func TestBindingsAreBounded(t *testing.T) {
	for _, line := range []string{"a = 1\n", "a\n"} {
		list, err := ParseBindings(strings.Repeat(line, 1_000_000))
		if len(list) > maxBindings || err == nil || !strings.HasSuffix(err.Error(), "more than 128 variable bindings: no message has room for them") {
			t.Errorf("%d bindings, %v", len(list), err)
		}
	}
}

func FuzzParseBindings(f *testing.F) {
	f.Add(`a."b" INTEGER = "1"`)
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := ParseBindings(text)
		for _, b := range list {
			if b.Name == "" || strings.ContainsAny(b.Type, " =\n") || strings.Contains(b.Name, "\n") {
				t.Errorf("%q gives %+v", text, b)
			}
		}
	})
}
