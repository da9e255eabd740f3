package document

import (
	"reflect"
	"slices"
	"strings"

	"trapline/internal/setting"
)

// Check asks everything in the file that can be wrong whether it is.
func (s *Source[T]) Check() {
	c := checker[T]{source: s, layouts: map[reflect.Type]Layout{}, asks: map[reflect.Type]bool{}}
	c.value(reflect.ValueOf(&s.Config).Elem())
}

// checker visits the values of a file, each with its path.
type checker[T any] struct {
	source  *Source[T]
	at      Path
	layouts map[reflect.Type]Layout
	asks    map[reflect.Type]bool // whether a value of the type, or one below it, can be asked
}

func (c *checker[T]) value(v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if !v.IsNil() {
			c.value(v.Elem())
		}
		return
	}
	if !c.asked(v.Type()) {
		return
	}
	c.ask(v)
	switch v.Kind() {
	case reflect.Struct:
		c.settings(v)
	case reflect.Slice:
		for i := range v.Len() {
			c.below(Index(i), v.Index(i))
		}
	case reflect.Map:
		c.entries(v)
	}
}

// ask reports the problems of v and its warnings. Problems that may be consequences of one already reported
// are left out.
func (c *checker[T]) ask(v reflect.Value) {
	asked := v.Addr().Interface()
	if checked, ok := asked.(setting.Checked); ok {
		for _, m := range checked.Problems() {
			if p := c.at.Below(m.Path); !c.source.Consequence(c.at, p) {
				c.source.Report(p, nil, m.Text)
			}
		}
	}
	if warned, ok := asked.(setting.Warned); ok {
		for _, m := range warned.Warnings() {
			c.source.Warn(c.at.Below(m.Path), m.Text)
		}
	}
}

func (c *checker[T]) settings(v reflect.Value) {
	l := c.layout(v.Type())
	for _, i := range l.Inline {
		c.value(v.Field(i))
	}
	for _, f := range l.Keyed {
		c.below(f.Key, v.Field(f.Index))
	}
}

func (c *checker[T]) entries(v reflect.Value) {
	keys := slices.SortedFunc(v.Seq(), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		entry := v.MapIndex(key)
		if entry.Kind() == reflect.Pointer && entry.IsNil() {
			c.source.Report(append(c.at, key.String()), nil, "empty: give it keys, or delete it")
			continue
		}
		addressable := reflect.New(entry.Type()).Elem()
		addressable.Set(entry)
		c.below(key.String(), addressable)
	}
}

func (c *checker[T]) below(step string, v reflect.Value) {
	c.at = append(c.at, step)
	c.value(v)
	c.at = c.at[:len(c.at)-1]
}

func (c *checker[T]) layout(t reflect.Type) Layout {
	l, ok := c.layouts[t]
	if !ok {
		l = LayoutOf(t)
		c.layouts[t] = l
	}
	return l
}

func (c *checker[T]) asked(t reflect.Type) bool {
	asks, ok := c.asks[t]
	if ok {
		return asks
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		asks = c.asked(t.Elem())
	case reflect.Struct:
		l := c.layout(t)
		for _, i := range l.Inline {
			asks = c.asked(t.Field(i).Type) || asks
		}
		for _, f := range l.Keyed {
			asks = c.asked(t.Field(f.Index).Type) || asks
		}
	}
	pointer := reflect.PointerTo(t)
	asks = asks || pointer.Implements(reflect.TypeFor[setting.Checked]()) || pointer.Implements(reflect.TypeFor[setting.Warned]())
	c.asks[t] = asks
	return asks
}
