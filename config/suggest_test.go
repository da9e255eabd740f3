package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"trapline/config/document"
)

// Every misspelling of a key by one letter, or by two that are exchanged, has that key suggested, if it is of no other
// Key there and no word of its own elsewhere.
func TestEveryKeyIsSuggested(t *testing.T) {
	checked := 0
	for settings, in := range places(reflect.TypeFor[Config](), nil) {
		keys, _ := document.Known(settings)
		for _, key := range keys {
			for _, word := range oneOff(key) {
				if near := nearKeys(word, keys); len(word) < 2 || len(near) != 1 || isWord(word, in, keys) {
					continue
				}
				checked++
				if got, want := unknownKey(word, in, keys), "did you mean "+key+"?"; !strings.HasSuffix(got, want) {
					t.Errorf("%s; want %s", got, want)
				}
			}
		}
	}
	if checked < 1000 {
		t.Errorf("only %d misspellings were checked", checked)
	}
}

// places are the settings of the file and where they stand.
func places(t reflect.Type, at document.Path) map[reflect.Type]document.Path {
	found := map[reflect.Type]document.Path{}
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		if t.Kind() != reflect.Pointer {
			at = append(slices.Clone(at), "x")
		}
		t = t.Elem()
	}
	if !document.IsSettings(t) {
		return found
	}
	found[t] = at
	_, types := document.Known(t)
	for key, of := range types {
		maps.Copy(found, places(of, append(slices.Clone(at), key)))
	}
	return found
}

// oneOff are some words that differ from a word by one letter, or by two that are exchanged.
func oneOff(word string) (list []string) {
	for i := range len(word) {
		for _, letter := range "q" {
			list = append(list, word[:i]+string(letter)+word[i:], word[:i]+string(letter)+word[i+1:])
		}
		list = append(list, word[:i]+word[i+1:])
		if i+1 < len(word) {
			list = append(list, word[:i]+word[i+1:i+2]+word[i:i+1]+word[i+2:])
		}
	}
	return list
}

// nearKeys are the keys that a word is at most one edit from.
func nearKeys(word string, keys []string) (near []string) {
	for _, key := range keys {
		if oneEdit(word, key) {
			near = append(near, key)
		}
	}
	return near
}

// oneEdit reports whether words are the same but for one letter, or for two that are exchanged.
func oneEdit(a, b string) bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) <= 1 && len(b) <= 1 || len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// isWord reports whether a word means something of its own: by the name that other programs have for a key, or as a
// Key of other settings.
func isWord(word string, in document.Path, keys []string) bool {
	section := ""
	if len(in) > 0 {
		section = in[0]
	}
	return spelled(word, keys) != "" || elsewhere[section][word] != "" || ofAuth(word, section) != "" || belongs(word, section) != ""
}
