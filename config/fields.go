package config

import (
	"reflect"
	"strings"
)

// layout is how a struct of settings stands in the file.
type layout struct {
	keyed  []field
	inline []int // the indexes of embedded structs, whose keys stand among the struct's own
}

type field struct {
	key   string
	index int
}

// layoutOf reads the yaml tags of a struct. One without tags, such as setting.Duration, is a single
// value in the file: its layout is empty.
func layoutOf(t reflect.Type) layout {
	var l layout
	for i := range t.NumField() {
		tag, tagged := t.Field(i).Tag.Lookup("yaml")
		key, options, _ := strings.Cut(tag, ",")
		switch {
		case !tagged || key == "-":
		case options == "inline":
			l.inline = append(l.inline, i)
		default:
			l.keyed = append(l.keyed, field{key, i})
		}
	}
	return l
}

// isSettings reports whether values of t are written as a mapping of known keys.
func isSettings(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	l := layoutOf(t)
	return len(l.keyed)+len(l.inline) > 0
}

// known lists the keys of t in their order, those of embedded structs after its own, and their types.
func known(t reflect.Type) (keys []string, types map[string]reflect.Type) {
	types = map[string]reflect.Type{}
	l := layoutOf(t)
	for _, f := range l.keyed {
		keys = append(keys, f.key)
		types[f.key] = t.Field(f.index).Type
	}
	for _, i := range l.inline {
		more, moreTypes := known(t.Field(i).Type)
		keys = append(keys, more...)
		for key, typ := range moreTypes {
			types[key] = typ
		}
	}
	return keys, types
}
