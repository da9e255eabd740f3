package hint

import (
	"bytes"
	"strings"
	"testing"
)

func TestHint(t *testing.T) {
	tests := []struct {
		name, hint, value, want string
	}{
		{"a date", "2d-1d-1d,1d:1d:1d.1d,1a1d:1d", "\x07\xe8\x05\x1a\x0d\x1e\x0f\x00+\x02\x00", "2024-5-26,13:30:15.0,+2:0"},
		{"a date without time zone", "2d-1d-1d,1d:1d:1d.1d,1a1d:1d", "\x07\xe8\x05\x1a\x0d\x1e\x0f\x00", "2024-5-26,13:30:15.0"},
		{"a MAC address", "1x:", "\x00\x1a\x2b\x3c\x4d\xfe", "00:1A:2B:3C:4D:FE"},
		{"ASCII", "255a", "GigabitEthernet1/0/1", "GigabitEthernet1/0/1"},
		{"UTF-8", "255t", "Zürich", "Zürich"},
		{"text that is not UTF-8", "255t", "Z\xfcrich", "Z\xfcrich"},
		{"text longer than its format", "4a|", "abcdefghij", "abcd|efgh|ij"},
		{"IPv4", "1d.1d.1d.1d", "\xc0\xa8\x01\xfe", "192.168.1.254"},
		{"IPv4 and more", "1d.1d.1d.1d", "\xc0\xa8\x01\xfe\x07\x08", "192.168.1.25478"},
		{"IPv4 cut short", "1d.1d.1d.1d", "\xc0\xa8", "192.168"},
		{"IPv4 with zone", "1d.1d.1d.1d%4d", "\x7f\x00\x00\x01\x00\x00\x00\x09", "127.0.0.1%9"},
		{"IPv6", "2x:2x:2x:2x:2x:2x:2x:2x", "\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", "FE80:0000:0000:0000:0000:0000:0000:0001"},
		{"two octets of hexadecimal", "2x ", "\x01\x02\x03\x04", "0102 0304"},
		{"half a chunk", "2x:", "\x01\x02\x03", "0102:03"},
		{"octal", "1o 2o", "\x08\x01\x00", "10 400"},
		{"eight octets as a number", "8d", "\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"},
		{"a length beyond all values", "18446744073709551617d", "\x01\x00", "256"},
		{"literals around a number", "0a[1d0a]1a", "\x2aA", "[42]A"},
		{"a number of no octets", "0d:1d", "\x07", "0:7"},
		{"an identifier of a bridge", "2x-1x:", "\x80\x00\x00\x1a\x2b", "8000-00:1A:2B"},
		{"repeated", "*1d.", "\x03\x01\x02\x03", "1.2.3"},
		{"repeated, again and again", "*1d.", "\x02\x01\x02\x01\x09", "1.2.9"},
		{"repeated up to a terminator", "*1d./1x", "\x02\x0a\x14\xff", "10.20/FF"},
		{"repeated at the end: no terminator", "*1d./1x", "\x02\x0a\x14", "10.20"},
		{"repeated not once", "*1d./1x", "\x00\xff", "/FF"},
		{"repeated oftener than there are octets", "*1d:", "\xff\x01\x02", "1:2"},
		{"only a repeat count", "*1d:", "\x05", ""},
		{"two repeated formats", "*1a,;*1x:", "\x02hi\x02\x0a\x0b", "h,i;0A:0B"},
		{"a value that ends before the mistake", "1d:1d:?", "\x01\x02", "1:2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := Parse(tt.hint)
			got, ok := h.AppendText([]byte("was here: "), []byte(tt.value))
			if !ok || string(got) != "was here: "+tt.want {
				t.Errorf("%q of %q gives %q, %v, want %q", tt.hint, tt.value, got, ok, tt.want)
			}
		})
	}
}

func TestHintThatDoesNotFit(t *testing.T) {
	tests := []struct {
		name, hint, value string
	}{
		{"no value", "1x:", ""},
		{"no hint", "", "abc"},
		{"nine octets as a decimal number", "9d", "123456789"},
		{"nine octets as an octal number", "9o", "123456789"},
		{"a last format that takes nothing", "1d0a]", "ab"},
		{"only a format that takes nothing", "0a", "a"},
		{"a value that goes on where the hint is wrong", "1d:1d:?", "abc"},
		{"no length", "d", "a"},
		{"no format", "255", "a"},
		{"a format of numbers", "d-2", "a"},
		{"a format in capitals", "255T", "a"},
		{"a star and nothing", "*", "a"},
		{"a star too many", "**1d", "ab"},
		{"separators out of nothing", "*0a:", "\xff\xff\xff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _ := Parse(tt.hint)
			if got, ok := h.AppendText([]byte("was here"), []byte(tt.value)); ok || string(got) != "was here" {
				t.Errorf("%q of %q gives %q, %v, want none", tt.hint, tt.value, got, ok)
			}
		})
	}
}

func TestParseHintSaysWhere(t *testing.T) {
	tests := []struct {
		hint, want string
	}{
		{"", `display hint is empty`},
		{"1d:x", `display hint "1d:x" at "x": a number of octets must stand here`},
		{"255", `display hint "255" at "": one of d, x, o, a and t must stand here`},
		{"1x*0a:", `display hint "1x*0a:" at "*0a:": a format that takes no octets cannot be repeated`},
	}
	for _, tt := range tests {
		if _, err := Parse(tt.hint); err == nil || err.Error() != tt.want {
			t.Errorf("%q gives error %v, want %s", tt.hint, err, tt.want)
		}
	}
	if _, err := Parse("2d-1d-1d,1d:1d:1d.1d,1a1d:1d"); err != nil {
		t.Errorf("a hint without mistakes: %v", err)
	}
}

func TestAppendTextDoesNotAllocate(t *testing.T) {
	h, err := Parse("*1d./2x:1o 255a")
	if err != nil {
		t.Fatal(err)
	}
	value := []byte("\x02\x01\x02\xab\xcd\x07some text")
	dst := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { dst, _ = h.AppendText(dst[:0], value) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if want := "1.2/ABCD:7 some text"; string(dst) != want {
		t.Errorf("got %q, want %q", dst, want)
	}
}

// FuzzHint checks AppendText with any hint and value: it returns, the text is bounded,
// and dst keeps its content.
func FuzzHint(f *testing.F) {
	f.Add("2d-1d-1d,1d:1d:1d.1d,1a1d:1d", []byte("\x07\xe8\x05\x1a\x0d\x1e\x0f\x00+\x02\x00"))
	f.Add("4294967295a", []byte("more octets than there are"))         // a length that no value has
	f.Add("99999999999999999999d", []byte("\x01"))                     // a length that no integer has
	f.Add("*1d:", bytes.Repeat([]byte{255}, 300))                      // a repeat count beyond the value
	f.Add("*0a:", bytes.Repeat([]byte{255}, 300))                      // separators out of nothing
	f.Add(strings.Repeat("0d:", 100)+"1d", []byte("\x00"))             // literals without end
	f.Add("*255x.;*0t0a0a", bytes.Repeat([]byte("\x00\xff\x01"), 100)) // repetition of everything
	f.Fuzz(func(t *testing.T, hint string, value []byte) {
		h, _ := Parse(hint)
		const before = "before"
		text, ok := h.AppendText([]byte(before), value)
		rest, kept := bytes.CutPrefix(text, []byte(before))
		if !kept || !ok && len(rest) > 0 {
			t.Fatalf("%q of %q gives %q, %v", hint, value, text, ok)
		}
		if limit := 4*len(value) + 2*len(hint); len(rest) > limit {
			t.Fatalf("%q of %q gives %d octets, want at most %d", hint, value, len(rest), limit)
		}
	})
}
