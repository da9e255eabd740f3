package human

import (
	"testing"
	"unicode"
)

func TestVisiblePage(t *testing.T) {
	for in, want := range map[string]string{
		"plain äöü 日本\n\t": "plain äöü 日本\n\t", "a\x00b": "a␀b", "\x1b[1m": "␛[1m", "a\r\nb": "a\nb", "a\rb": "a␍b", "\x7f": "␡",
		"\u202eabc": "⍰abc", "\u0085": "⍰", "\xff": "�", "": "",
	} {
		if got := string(VisiblePage([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzVisiblePage(f *testing.F) {
	f.Add([]byte("<b>\u202e\x1b]0;x\a\u200b\r\nx\r\xff"))
	f.Fuzz(func(t *testing.T, page []byte) {
		out := VisiblePage(page)
		for _, r := range string(out) {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || hides(r) {
				t.Fatalf("%q keeps %U", page, r)
			}
		}
	})
}

// A line has none of the characters that a page may not have, and no line feed.
func TestVisibleLine(t *testing.T) {
	for in, want := range map[string]string{"a\nb": "a␊b", "a\tb": "a␉b", "\x1b[1m": "␛[1m", "\u202eabc": "⍰abc", "\xff": "�", "日本": "日本"} {
		if got := Visible(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
