package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"trapline/config/document"
	"trapline/internal/doctest"
)

const referenceFile = "../docs/reference/configuration.md"

// The reference of the keys is made of the structs of settings: their yaml tags, types and comments.
func TestReferenceOfKeys(t *testing.T) {
	r := &reference{comments: map[string]map[string]string{}, done: map[reflect.Type]string{}}
	r.text.WriteString(`# Configuration

Made by ` + "`make docs`" + ` from the source. All files that ` + "`--config.file`" + ` matches are read as one. Durations are written as
` + "`30s`, `5m`, `1h`, `1d`" + `. A file of snmp_exporter has ` + "`auths` and `modules`" + `.
`)
	if err := r.section("The file", reflect.TypeFor[Config]()); err != nil {
		t.Fatal(err)
	}
	doctest.Compare(t, referenceFile, r.text.Bytes(), r.missing)
}

type reference struct {
	text     bytes.Buffer
	comments map[string]map[string]string // by package directory, of "Type.Field"
	done     map[reflect.Type]string      // the sections that structs have
	missing  []string
}

// section writes the keys of a struct, then those of the structs below it.
func (r *reference) section(title string, t reflect.Type) error {
	r.done[t] = title
	fmt.Fprintf(&r.text, "\n## %s\n\n| key | type | |\n|---|---|---|\n", title)
	if err := r.rows(t); err != nil {
		return err
	}
	keys, types := document.Known(t)
	for _, key := range keys {
		below := settingsOf(types[key])
		if below == nil || r.done[below] != "" {
			continue
		}
		name := key
		if title != "The file" {
			name = title + "." + key
		}
		if err := r.section(name, below); err != nil {
			return err
		}
	}
	return nil
}

func (r *reference) rows(t reflect.Type) error {
	l := document.LayoutOf(t)
	for _, f := range l.Keyed {
		field := t.Field(f.Index)
		text, err := r.comment(t, field.Name)
		if err != nil {
			return err
		}
		if text == "" {
			r.missing = append(r.missing, t.String()+"."+field.Name)
		}
		fmt.Fprintf(&r.text, "| `%s` | %s | %s |\n", f.Key, typeName(field.Type), strings.ReplaceAll(text, "|", `\|`))
	}
	for _, i := range l.Inline {
		if err := r.rows(t.Field(i).Type); err != nil {
			return err
		}
	}
	return nil
}

// comment returns the comment behind the field of a struct in the source, or above it.
func (r *reference) comment(t reflect.Type, field string) (string, error) {
	dir := filepath.Join("..", strings.TrimPrefix(t.PkgPath(), "trapline"))
	if r.comments[dir] == nil {
		found, err := doctest.Comments(dir)
		if err != nil {
			return "", err
		}
		r.comments[dir] = found
	}
	return r.comments[dir][t.Name()+"."+field], nil
}

// settingsOf is the struct of settings that a value of t is made of, or nil.
func settingsOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Map || t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if document.IsSettings(t) {
		return t
	}
	return nil
}

var typeNames = map[string]string{
	"setting.Duration": "duration", "setting.Time": "time", "setting.Bytes": "octets", "setting.Secret": "text", "setting.OID": "OID", "setting.URL": "URL", "setting.Regexp": "expression",
	"setting.AnchoredRegexp": "expression", "access.Version": "version", "facts.Template": "template",
}

func typeName(t reflect.Type) string {
	if name := typeNames[t.String()]; name != "" {
		return name
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Slice:
		return "list of " + typeName(t.Elem())
	case reflect.Map:
		return "map to " + typeName(t.Elem())
	case reflect.Struct:
		return "keys"
	case reflect.Bool:
		return "true, false"
	case reflect.Float64:
		return "number"
	case reflect.String:
		return "text"
	}
	return "integer"
}
