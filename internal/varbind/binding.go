package varbind

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/alarm"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// maxBindings bounds the variable bindings of an annotation.
const maxBindings = 128

// ParseBindings parses variable bindings, one per line:
//
//	NAME[.INDEX] [TYPE] = VALUE
//
// NAME is an object or an OID. Without TYPE, the value has the type of the object. A value in double quotes may contain
// the escapes of Go, such as \n. Lines that cannot be parsed are left out and reported in the error.
func ParseBindings(text string) (list []alarm.Binding, err error) {
	read := 0
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if read++; read > maxBindings {
			return list, errors.Join(err, fmt.Errorf("more than %d variable bindings: no message has room for them", maxBindings))
		}
		b, lineErr := ParseBinding(line)
		if lineErr != nil {
			err = errors.Join(err, lineErr)
			continue
		}
		list = append(list, b)
	}
	return list, err
}

// ParseBinding parses one variable binding.
func ParseBinding(line string) (b alarm.Binding, err error) {
	end := nameEnd(line)
	b.Name = line[:end]
	typ, value, found := strings.Cut(line[end:], "=")
	if b.Type, b.Value = strings.TrimSpace(typ), strings.TrimSpace(value); !found || b.Name == "" {
		return b, fmt.Errorf("%q is no variable binding: write NAME[.INDEX] [TYPE] = VALUE", line)
	}
	if _, known := typeWords[strings.ToLower(b.Type)]; b.Type != "" && !known {
		return b, fmt.Errorf("%q: unknown type %q: use one of %s", line, b.Type, strings.Join(slices.Sorted(maps.Values(typeNames)), ", "))
	}
	if unquoted, err := strconv.Unquote(b.Value); err == nil && b.Value[0] == '"' {
		b.Value = unquoted
	}
	return b, nil
}

// nameEnd finds the end of the name that a line begins with: a blank or =, but not within the quotes of
// an index.
func nameEnd(line string) int {
	quote := rune(0)
	for i, c := range line {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == ' ' || c == '\t' || c == '=':
			return i
		}
	}
	return len(line)
}

// FormatBindings returns the text of variable bindings. It is the inverse of ParseBindings.
func FormatBindings(list []alarm.Binding) string {
	var b strings.Builder
	for _, v := range list {
		fmt.Fprintf(&b, "%s %s = %q\n", v.Name, v.Type, v.Value)
	}
	return b.String()
}

// IsCounter64 reports whether the value of a binding of an object is a Counter64.
func IsCounter64(b *alarm.Binding, o *mibs.Node) bool {
	return typeWords[strings.ToLower(b.Type)] == 'C' || b.Type == "" && o != nil && o.Syntax.Type == smi.Counter64
}

// BindingValue returns the value of a binding, in the type that it names or else the type of the object.
func (n Names) BindingValue(o *mibs.Node, b *alarm.Binding) (snmp.Type, []byte, error) {
	if b.Type == "" {
		if !IsObject(o) {
			return 0, nil, fmt.Errorf("variable binding %s: MIBs know no type for it: write one behind its name", b.Name)
		}
		return n.value(o, b.Value)
	}
	typ, value, err := n.valueOf(o, string(typeWords[strings.ToLower(b.Type)]), b.Value)
	if err != nil {
		err = fmt.Errorf("variable binding %s: %w", b.Name, err)
	}
	return typ, value, err
}

// VarBind returns the variable binding that is sent for a binding of a rule.
func (n Names) VarBind(b *alarm.Binding) (snmp.VarBind, error) {
	oid, at, err := n.Find(b.Name)
	if err != nil {
		return snmp.VarBind{}, err
	}
	t, value, err := n.BindingValue(at.Node, b)
	return snmp.VarBind{Name: oid, Type: t, Value: value}, err
}
