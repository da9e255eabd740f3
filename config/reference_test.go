package config

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/reference/configuration.md anew")

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
	if *update {
		if err := os.WriteFile(referenceFile, r.text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil || !bytes.Equal(got, r.text.Bytes()) {
		t.Errorf("docs/reference/configuration.md is not up to date (%v): run make docs", err)
	}
	for _, missing := range r.missing {
		t.Errorf("%s has no comment, which docs/reference/configuration.md is made of", missing)
	}
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
	keys, types := known(t)
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
	l := layoutOf(t)
	for _, f := range l.keyed {
		field := t.Field(f.index)
		text, err := r.comment(t, field.Name)
		if err != nil {
			return err
		}
		if text == "" {
			r.missing = append(r.missing, t.String()+"."+field.Name)
		}
		fmt.Fprintf(&r.text, "| `%s` | %s | %s |\n", f.key, typeName(field.Type), strings.ReplaceAll(text, "|", `\|`))
	}
	for _, i := range l.inline {
		if err := r.rows(t.Field(i).Type); err != nil {
			return err
		}
	}
	return nil
}

// comment returns what stands behind the field of a struct in the source, or above it.
func (r *reference) comment(t reflect.Type, field string) (string, error) {
	dir := filepath.Join("..", strings.TrimPrefix(t.PkgPath(), "trapline"))
	if r.comments[dir] == nil {
		found, err := fieldComments(dir)
		if err != nil {
			return "", err
		}
		r.comments[dir] = found
	}
	return r.comments[dir][t.Name()+"."+field], nil
}

func fieldComments(dir string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						found[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()+" "+f.Comment.Text()), " ")
					}
				}
			}
			return false
		})
	}
	return found, nil
}

// settingsOf is the struct of settings that a value of t is made of, or nil.
func settingsOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Map || t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if isSettings(t) {
		return t
	}
	return nil
}

var typeNames = map[string]string{
	"setting.Duration": "duration", "setting.Bytes": "octets", "setting.Secret": "text", "setting.OID": "OID", "setting.URL": "URL", "setting.Regexp": "expression",
	"setting.AnchoredRegexp": "expression", "access.Version": "version",
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
