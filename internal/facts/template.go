package facts

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"trapline/internal/setting"
)

// Template is text with values of a device in it, in the language of Go's templates: "{{ .sysName }}".
type Template struct {
	text   string
	parsed *template.Template // nil if the text has no actions, or an error
	err    error
	fields []string // that it uses
}

// The names of fields that are no facts, but known without an answer, or computed of them.
const (
	addressField = "address"
	profileField = "profile"
)

// Fields are the names that templates may use.
var Fields = []string{addressField, profileField, "sysContact", "sysDescr", "sysLocation", "sysName", "sysObjectID"}

// maxOutput bounds the text that a template makes, in octets.
const maxOutput = 4096

// functions are those of Prometheus' templates that make sense of names.
var functions = template.FuncMap{
	"toLower": strings.ToLower, "toUpper": strings.ToUpper,
	"stripDomain": func(name string) string { host, _, _ := strings.Cut(name, "."); return host },
	"reReplaceAll": func(pattern, with, text string) (string, error) {
		x, err := regexp.Compile(pattern)
		if err != nil {
			return "", err
		}
		return x.ReplaceAllString(text, with), nil
	},
}

// ParseTemplate makes a template of text. Problems has its errors.
func ParseTemplate(text string) Template {
	t := Template{text: text}
	if !strings.Contains(text, "{{") {
		return t
	}
	t.parsed, t.err = template.New("").Option("missingkey=error").Funcs(functions).Parse(text)
	if t.err == nil {
		t.fields = fieldsOf(t.parsed.Root)
	}
	return t
}

// fieldsOf returns the fields of the data that the text below a node uses, each once.
func fieldsOf(root parse.Node) (names []string) {
	add := func(nodes ...parse.Node) {
		for _, n := range nodes {
			names = append(names, fieldsOf(n)...)
		}
	}
	switch n := root.(type) {
	case *parse.ListNode:
		if n != nil {
			add(n.Nodes...)
		}
	case *parse.ActionNode:
		add(n.Pipe)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				add(c.Args...)
			}
		}
	case *parse.IfNode:
		add(n.Pipe, n.List, n.ElseList)
	case *parse.WithNode:
		add(n.Pipe, n.List, n.ElseList)
	case *parse.RangeNode:
		add(n.Pipe, n.List, n.ElseList)
	case *parse.ChainNode:
		add(n.Node)
	case *parse.FieldNode:
		names = append(names, n.Ident[0])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// UnmarshalYAML accepts any text; Problems has its errors.
func (t *Template) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	*t = ParseTemplate(text)
	return nil
}

// MarshalYAML returns the text as it is written.
func (t Template) MarshalYAML() (any, error) { return t.text, nil }

// IsZero reports whether there is no text.
func (t Template) IsZero() bool { return t.text == "" }

// TextForm says that a text stands for a template.
func (Template) TextForm() {}

// Wanted describes the expected value.
func (Template) Wanted() string { return `a text such as "{{ .sysName }}"` }

// Text returns the text as it is written.
func (t *Template) Text() string { return t.text }

// Problems returns the errors in the text.
func (t Template) Problems() []setting.Problem {
	var m setting.Problems
	if t.err != nil {
		m.Add("", "%s", parseError(t.err))
		return m
	}
	for _, name := range t.fields {
		if slices.Contains(Fields, name) {
			continue
		}
		text := fmt.Sprintf("a device has no .%s", name)
		if near := setting.Nearest(name, Fields); near != "" {
			m.Add("", "%s: did you mean .%s?", text, near)
		} else {
			m.Add("", "%s: write one of .%s", text, strings.Join(Fields, ", ."))
		}
	}
	if len(m) > 0 || t.parsed == nil {
		return m
	}
	sample := Facts{"name", "description", "1.3.6.1.4.1.1", "location", "contact"}
	if _, err := t.Make(sample.Values("192.0.2.1", "any")); err != nil {
		m.Add("", "%s", templatePlace.ReplaceAllString(err.Error(), ""))
	}
	return m
}

// templatePlace is the place in a template that has no name, and mostly one line.
var templatePlace = regexp.MustCompile(`^template: :\d+:(\d+:)? (executing "" at )?`)

// parseError returns the text of an error, with the function that was probably meant.
func parseError(err error) string {
	text := templatePlace.ReplaceAllString(err.Error(), "")
	if parts := strings.Split(text, `"`); len(parts) == 3 && strings.HasPrefix(text, "function ") {
		names := slices.Sorted(maps.Keys(functions))
		return text + ": " + cmp.Or(setting.DidYouMean(parts[1], names), "write one of "+strings.Join(names, ", "))
	}
	return text
}

// OfDevice reports whether the text depends on an answer of the device.
func (t *Template) OfDevice() bool {
	return slices.ContainsFunc(t.fields, func(name string) bool { return name != addressField })
}

// OfProfile reports whether the text depends on the profile of the device.
func (t *Template) OfProfile() bool { return slices.Contains(t.fields, profileField) }

// Values returns the values for templates. F may be nil: then there are those only that are known without an answer.
func (f *Facts) Values(address, profile string) map[string]string {
	values := map[string]string{addressField: address}
	if f != nil {
		maps.Copy(values, map[string]string{
			profileField: profile, "sysName": f.SysName, "sysDescr": f.SysDescr, "sysObjectID": f.SysObjectID, "sysLocation": f.SysLocation, "sysContact": f.SysContact,
		})
	}
	return values
}

// Make returns the text with the values in it, without white space around it.
func (t *Template) Make(values map[string]string) (string, error) {
	if t.err != nil || t.parsed == nil {
		return t.text, t.err
	}
	var b bounded
	if err := t.parsed.Execute(&b, values); err != nil {
		return "", fmt.Errorf("%w", errors.Unwrap(err))
	}
	return strings.TrimSpace(b.String()), nil
}

// bounded is text of maxOutput octets at most.
type bounded struct{ strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("the text has more than %d octets", maxOutput)
	}
	return b.Builder.Write(p)
}
