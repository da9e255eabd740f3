package config

import (
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"trapline/config/document"
)

// goWords are words of the program that no user should have to read.
var goWords = regexp.MustCompile(`\b(setting|engine|collector|poller|config|yaml|reflect)\.[A-Za-z]|unmarshal|\binterface\b|map\[|\*yaml`)

// lineBreak matches a line break of YAML 1.1.
var lineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

func isUTF16(raw []byte) bool {
	return strings.HasPrefix(string(raw), "\xff\xfe") || strings.HasPrefix(string(raw), "\xfe\xff")
}

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/wrong/*.yml", "testdata/good/*.yml"} {
		for _, file := range matching(f, pattern) {
			f.Add([]byte(text(f, file)))
		}
	}
	f.Add([]byte("a: &a [*a]"))                          // an alias inside its own block
	f.Add([]byte("auths: {a: &a {<<: [*a, {<<: *a}]}}")) // a merge of itself
	f.Add([]byte("? {a: b}\n: c"))                       // a key that is a mapping
	f.Add([]byte("\xff\xfea\x00:\x00 \x00b\x00"))        // UTF-16
	f.Add([]byte("auths: !!map {!!str a: !!null x}"))    // tags
	f.Add([]byte("x: &a {<<: *a, walk: [1.3], version: 1, auth: *a}"))
	f.Add([]byte("# comment\n\n  # more\na:\n  # tail\n- b\n# end"))
	f.Fuzz(checkLoad)
}

// checkLoad holds for whatever a file may be.
func checkLoad(t *testing.T, raw []byte) {
	t.Helper()
	s := document.Parse[Config]("fuzz.yml", raw, &dialect)
	if s.Old != nil {
		merge([]*configSource{converted(s)}, Options{})
	}
	c, problems := merge([]*configSource{s}, Options{ExpandEnv: true})
	if (c == nil) != (len(problems) > 0) {
		t.Fatalf("%v with problems %v", c, problems)
	}
	last := len(lineBreak.FindAll(raw, -1)) + 1
	for _, m := range problems {
		// A message may quote Go words from the file, but has none of its own.
		if word := goWords.FindString(m.Text); word != "" && !strings.Contains(string(raw), word) {
			t.Errorf("a problem speaks of %q: %s", word, m)
		}
		if m.Line < 0 || m.Line > last && !isUTF16(raw) {
			t.Errorf("the file ends in line %d: %s", last, m)
		}
		if strings.ContainsAny(m.Text, "\r\n") {
			t.Errorf("a problem takes more than a line: %q", m)
		}
		if len(m.Text) > 2000 {
			t.Errorf("a problem is %d octets long: %.200s", len(m.Text), m)
		}
	}
	if c == nil {
		return
	}
	if err := c.config.Dump(io.Discard); err != nil {
		t.Errorf("dump: %v", err)
	}
}

// The checks know a setting by its yaml tag.
func TestEverySettingHasAKey(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		switch kind := typ.Kind(); {
		case kind == reflect.Pointer, kind == reflect.Slice, kind == reflect.Map:
			visit(typ.Elem())
		case document.IsSettings(typ) && !seen[typ]:
			seen[typ] = true
			for i := range typ.NumField() {
				f := typ.Field(i)
				if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key == "" && f.IsExported() && f.Tag.Get("yaml") != ",inline" {
					t.Errorf("%s.%s has no key", typ, f.Name)
				}
				visit(f.Type)
			}
		}
	}
	visit(reflect.TypeFor[Config]())
}
