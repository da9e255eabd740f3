package setting

import "testing"

func TestNearest(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"ifDscr", "ifDescr"}, {"IFDESCR", "ifDescr"}, {"ifMtu", ""}, {"b", ""}, {"A", "a"}, {"", ""},
	} {
		if got := Nearest(test.name, []string{"a", "ifDescr", "ifAlias"}); got != test.want {
			t.Errorf("%q: %q, want %q", test.name, got, test.want)
		}
	}
}
