package config

import (
	"bytes"
	"io"
	"reflect"

	"gopkg.in/yaml.v3"
)

// listPiece and mapPiece are the numbers of list and map elements that are encoded as one document. YAML's encoder
// keeps a whole document in memory.
const listPiece, mapPiece = 100, 8

// Dump writes the configuration as YAML, each secret as <secret>.
func (c *Config) Dump(w io.Writer) error {
	fields := reflect.ValueOf(c).Elem()
	for i := range fields.NumField() {
		if fields.Type().Field(i).Tag.Get("yaml") == "-" {
			continue
		}
		d := dumper{w: w, field: i}
		if err := d.dump(fields.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

// dumper writes one field of a Config.
type dumper struct {
	w     io.Writer
	field int
	begun bool // the line with the field's name is written
}

func (d *dumper) dump(value reflect.Value) error {
	switch value.Kind() {
	case reflect.Slice:
		for from := 0; from < value.Len(); from += listPiece {
			if err := d.piece(value.Slice(from, min(from+listPiece, value.Len()))); err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		return d.dumpMap(value)
	}
	return d.piece(value)
}

func (d *dumper) dumpMap(value reflect.Value) error {
	keys, err := keysInOrder(value)
	if err != nil {
		return err
	}
	for from := 0; from < len(keys); from += mapPiece {
		some := reflect.MakeMap(value.Type())
		for _, key := range keys[from:min(from+mapPiece, len(keys))] {
			some.SetMapIndex(key, value.MapIndex(key))
		}
		if err := d.piece(some); err != nil {
			return err
		}
	}
	return nil
}

// keysInOrder are the keys of a map of strings as the encoder orders them.
func keysInOrder(value reflect.Value) ([]reflect.Value, error) {
	names := map[string]bool{}
	for _, key := range value.MapKeys() {
		names[key.String()] = true
	}
	var node yaml.Node
	if err := node.Encode(names); err != nil {
		return nil, err
	}
	var keys []reflect.Value
	for i := 0; i < len(node.Content); i += 2 {
		keys = append(keys, reflect.ValueOf(node.Content[i].Value).Convert(value.Type().Key()))
	}
	return keys, nil
}

// piece writes a part of the field, as in a configuration that has that part only.
func (d *dumper) piece(value reflect.Value) error {
	var part Config
	reflect.ValueOf(&part).Elem().Field(d.field).Set(value)
	text, err := encode(&part)
	if err != nil || string(text) == "{}\n" {
		return err
	}
	if d.begun {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	d.begun = true
	_, err = d.w.Write(text)
	return err
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}
