package mibs

import (
	"bytes"
	"strings"
	"testing"

	"trapline/internal/snmp"
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
		h, err := ParseHint(test.hint)
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
		h, err := ParseHint(test.hint)
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
		h, err := ParseHint(hint)
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

// An index is put together of the parts that it is cut into.
func TestIndexesAreCutAndPutTogether(t *testing.T) {
	tree, err := LoadAll(Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for text, parts := range map[string]int{
		"ifDescr.3": 1, "ifName.3": 1, `tcpConnState."1.2.3.4".22."0.0.0.0".0`: 4, `tcpConnectionState.ipv4."127.0.0.1".631.ipv4."0.0.0.0".0`: 6,
		`vacmGroupName.3."a.b"`: 2, `snmpCommunityName.'hello'`: 1, "dot1dTpFdbPort.'0:11:22:33:44:ff'": 1, "sysDescr.0": 0,
	} {
		i, err := tree.Resolve(text)
		if err != nil {
			t.Fatal(err)
		}
		values := i.Node.CutIndex(i.Index)
		if len(values) != parts {
			t.Errorf("%s is cut into %v", text, values)
			continue
		}
		var index snmp.OID
		for at, value := range values {
			if index, err = i.Node.Row.Index[at].Append(index, value); err != nil {
				t.Error(err)
			}
		}
		if parts > 0 && !bytes.Equal(index, i.Index) {
			t.Errorf("%s is put together as %s", text, index)
		}
	}
	mac := tree.Named("dot1dTpFdbPort")[0].Row.Index[0]
	if _, err := mac.Append(nil, []uint32{1}); err == nil || err.Error() != "index dot1dTpFdbAddress: 1 numbers instead of 6" {
		t.Error(err)
	}
}
