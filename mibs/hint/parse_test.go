package hint

import (
	"bytes"
	"strings"
	"testing"
)

func TestTextsAreReadAsHintsWriteThem(t *testing.T) {
	for _, test := range []struct{ hint, text, want string }{
		{"2d-1d-1d,1d:1d:1d.1d,1a1d:1d", "2024-5-26,13:30:15.0,+2:0", "\x07\xe8\x05\x1a\x0d\x1e\x0f\x00+\x02\x00"},
		{"2d-1d-1d,1d:1d:1d.1d,1a1d:1d", "2024-5-26,13:30:15.0", "\x07\xe8\x05\x1a\x0d\x1e\x0f\x00"},
		{"1x:", "00:1A:2b:3:4D:FE", "\x00\x1a\x2b\x03\x4d\xfe"},
		{"1x:", "0", "\x00"},
		{"255t", "Zürich", "Zürich"},
		{"4a|", "abcd|efgh|ij", "abcdefghij"},
		{"1d.1d.1d.1d%4d", "127.0.0.1%9", "\x7f\x00\x00\x01\x00\x00\x00\x09"},
		{"2x:", "0102:03", "\x01\x02\x03"},
		{"1o 2o", "10 400", "\x08\x01\x00"},
		{"0a[1d0a]1a", "[42]A", "\x2aA"},
		{"0d:1d", "0:7", "\x07"},
		{"2x-1x:", "8000-00:1A:2B", "\x80\x00\x00\x1a\x2b"},
	} {
		h, err := Parse(test.hint)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := h.ParseText(test.text); err != nil || string(got) != test.want {
			t.Errorf("%s: %s is read as % x, %v; want % x", test.hint, test.text, got, err, test.want)
		}
	}
	for _, test := range []struct{ hint, text, want string }{
		{"1x:", "00:1G", `at "G", want a ":" with more behind it`}, {"1x:", "00:", "with more behind it"}, {"1x:", "001122", "at"},
		{"2x:", "010:02", "two hexadecimal digits for each of 2 octets"}, {"1d.1d.1d.1d", "1.2.3.256", "a number that fits 1 octets"},
		{"2d-1d", "12-5-6", `at "-6", want a number`}, {"1d", "-1", "a number"}, {"*1d.", "1.2", "with a *"}, {"9d", "1", "9 octets"}, {"2a,1a", "ab,", "more behind it"},
		{"0a[1d", "4", `want a "["`}, {"1a-", "-", "text is missing"}, {"0d:1d", "7", "want a 0"},
	} {
		h, err := Parse(test.hint)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := h.ParseText(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %s is read as % x, error %v; want %s", test.hint, test.text, got, err, test.want)
		}
	}
}

// FuzzHintText parses a text, writes the octets as text, and parses that: the octets must be the same.
func FuzzHintText(f *testing.F) {
	f.Add("2d-1d-1d,1d:1d:1d.1d,1a1d:1d", "2024-5-26,13:30:15.0,+2:0")
	f.Add("1x:", "0:1:2")
	f.Add("0a[1d0a]1a", "[42]A")
	f.Add("0d1a", "0") // a number of no octets has a digit
	f.Fuzz(func(t *testing.T, hint, text string) {
		h, err := Parse(hint)
		if err != nil {
			return
		}
		value, err := h.ParseText(text)
		if err != nil || len(value) == 0 {
			return
		}
		written, ok := h.AppendText(nil, value)
		if !ok {
			t.Fatalf("%q: % x, read from %q, has no text", hint, value, text)
		}
		if again, err := h.ParseText(string(written)); err != nil || !bytes.Equal(again, value) {
			t.Errorf("%q: % x is written %q and read as % x, %v", hint, value, written, again, err)
		}
	})
}
