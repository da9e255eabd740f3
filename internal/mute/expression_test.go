package mute

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// Expressions whose repetitions multiply are refused, in matchers as text and one by one. What people write is not.
func TestLargeExpressionsAreRefused(t *testing.T) {
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("core-%d.example.com", i)
	}
	for text, fine := range map[string]bool{
		".*": true, "core-[0-9]{1,3}": true, "([0-9]{1,3}[.]){3}[0-9]{1,3}": true, "x{1000}": true, strings.Join(names, "|"): true, "(": true,
		strings.Repeat("x{1000}", 10): false, "(" + strings.Repeat("ab", 500) + "){1000}": false, strings.Repeat("(x?){500}", 900): false,
		"(=~){1000}(!~){1000}(a?){1000}": false,
	} {
		_, err := NewMatcher(labels.MatchRegexp, "a", text)
		if refused := errors.As(err, new(Invalid)); refused == fine {
			t.Errorf("%.40q: %v", text, err)
		}
		for _, form := range []string{`a=~%q`, `{b="c",a!~%q}`, `{"a"=~%q,b=~"x"}`} {
			if _, err := Parse(fmt.Sprintf(form, text)); errors.As(err, new(Invalid)) == fine {
				t.Errorf(form+": %v", text[:min(40, len(text))], err)
			}
		}
	}
}

// FuzzParse holds that matchers are refused before they are compiled if they are too large.
func FuzzParse(f *testing.F) {
	for _, text := range []string{`a=~"x{1000}"`, `a!~(x{900}y){2},b="c"`, `{a=~b=~c{800}}`, `a=~=~x{700}`, "a=~`x{9}`", `"a b"!~"\\d{500}"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 200 {
			return
		}
		m, err := Parse(text)
		if err != nil {
			return
		}
		for _, one := range m {
			if one.Type != labels.MatchEqual && one.Type != labels.MatchNotEqual && CheckExpression(one.Value) != nil {
				t.Fatalf("%q has the expression %q", text, one.Value)
			}
		}
		back, err := Parse(m.String())
		if err == nil && back.String() != m.String() {
			t.Fatalf("%s is read back as %s", m, back)
		}
	})
}

// All silences together are bounded, also when one that is known grows.
func TestAllSilencesAreBounded(t *testing.T) {
	now := time.Now()
	m, _ := Parse(`a="b"`)
	one := Silence{Matchers: m, StartsAt: now, EndsAt: now.Add(time.Hour), Comment: strings.Repeat("x", MaxSilenceSize-10)}
	known := map[string]*Silence{}
	for i := range MaxSilencesSize/MaxSilenceSize - 1 {
		c := one
		c.ID = fmt.Sprint(i)
		known[c.ID] = &c
	}
	small := one
	small.ID, small.Comment = "small", ""
	known["small"] = &small
	s := NewSet(maps.Clone(known), nil)
	c, id, err := s.Put(one, "fresh", now)
	if err != nil || id != "fresh" {
		t.Fatal(id, err)
	}
	grown := one
	grown.ID = "small"
	if _, _, err := c.Set.Put(grown, "x", now); !errors.As(err, new(Invalid)) {
		t.Errorf("one that grows: %v", err)
	}
	if _, _, err := c.Set.Put(one, "x", now); !errors.As(err, new(Invalid)) {
		t.Errorf("one more: %v", err)
	}
	small.Comment = "changed"
	if _, id, err := c.Set.Put(small, "x", now); err != nil || id != "small" {
		t.Errorf("a change: %s %v", id, err)
	}
}
