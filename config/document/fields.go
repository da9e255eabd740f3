package document

import (
	"reflect"
	"strings"
)

// Layout is how a struct of settings stands in the file.
type Layout struct {
	Keyed  []field
	Inline []int // the indexes of embedded structs, whose keys stand among the struct's own
}

type field struct {
	Key   string
	Index int
}

// LayoutOf reads the yaml tags of a struct. One without tags, such as setting.Duration, is a single
// Value in the file: its layout is empty.
func LayoutOf(t reflect.Type) Layout {
	var l Layout
	for i := range t.NumField() {
		tag, tagged := t.Field(i).Tag.Lookup("yaml")
		key, options, _ := strings.Cut(tag, ",")
		switch {
		case !tagged || key == "-":
		case options == "inline":
			l.Inline = append(l.Inline, i)
		default:
			l.Keyed = append(l.Keyed, field{key, i})
		}
	}
	return l
}

// IsSettings reports whether values of t are written as a mapping of known keys.
func IsSettings(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	l := LayoutOf(t)
	return len(l.Keyed)+len(l.Inline) > 0
}

// Known lists the keys of t in their order, those of embedded structs after its own, and their types.
func Known(t reflect.Type) (keys []string, types map[string]reflect.Type) {
	types = map[string]reflect.Type{}
	l := LayoutOf(t)
	for _, f := range l.Keyed {
		keys = append(keys, f.Key)
		types[f.Key] = t.Field(f.Index).Type
	}
	for _, i := range l.Inline {
		more, moreTypes := Known(t.Field(i).Type)
		keys = append(keys, more...)
		for key, typ := range moreTypes {
			types[key] = typ
		}
	}
	return keys, types
}
