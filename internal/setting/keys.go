package setting

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"
)

// maxNested is how deep the settings of other packages are looked into.
const maxNested = 8

// keysOf returns the keys of settings and of those in them.
func keysOf(t reflect.Type) (keys []string) {
	seen := map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			field := t.Field(i)
			if key := keyOf(&field); key != "" {
				keys = append(keys, key)
			}
			if field.IsExported() {
				visit(field.Type)
			}
		}
	}
	visit(t)
	return keys
}

// keyOf returns the key of a field, "" if it has none of its own.
func keyOf(f *reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return strings.Trim(key, "-")
}

// MissingFiles returns a problem for each setting whose name ends with _file and whose file does not exist.
func MissingFiles(settings any) []Problem {
	var m Problems
	missingFiles(&m, "", reflect.ValueOf(settings), maxNested)
	return m
}

func missingFiles(m *Problems, at string, v reflect.Value, depth int) {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case depth == 0:
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			missingFiles(m, fmt.Sprintf("%s[%d]", at, i), v.Index(i), depth-1)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				missingFile(m, at, &field, v.Field(i), depth)
			}
		}
	}
}

func missingFile(m *Problems, at string, field *reflect.StructField, v reflect.Value, depth int) {
	key := keyOf(field)
	if at != "" && key != "" {
		at += "."
	}
	if v.Kind() != reflect.String || !strings.HasSuffix(key, "_file") || v.String() == "" {
		missingFiles(m, at+key, v, depth-1)
		return
	}
	if _, err := os.Stat(v.String()); errors.Is(err, fs.ErrNotExist) {
		m.Add(at+key, "the file %s does not exist", v.String())
	}
}
