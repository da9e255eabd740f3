package agent

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/internal/snmp"
)

func TestReadRecording(t *testing.T) {
	for _, test := range []struct {
		name, line string
		want       string // type and content octets in hex
	}{
		{"string", "1.3.6.1|4|hello", "OCTET STRING 68656c6c6f"},
		{"string with bars and spaces", "1.3.6.1|4| a|b ", "OCTET STRING 20617c6220"},
		{"string that is no UTF-8", "1.3.6.1|4|\xe9\xff", "OCTET STRING e9ff"},
		{"empty string", "1.3.6.1|4|", "OCTET STRING "},
		{"string in hex", "1.3.6.1|4x|00127962f940", "OCTET STRING 00127962f940"},
		{"string with escapes", `1.3.6.1|4e|a\n\x00\\`, "OCTET STRING 610a005c"},
		{"line of a DOS file", "1.3.6.1|2|7\r", "INTEGER 07"},
		{"leading dot", ".1.3.6.1|2|7", "INTEGER 07"},
		{"negative", "1.3.6.1|2|-129", "INTEGER ff7f"},
		{"integer of 33 bits", "1.3.6.1|2|4294967295", "INTEGER 00ffffffff"},
		{"integer with a fraction", "1.3.6.1|2|12.5", "INTEGER 0c"},
		{"integer with spaces", "1.3.6.1|2| 12 ", "INTEGER 0c"},
		{"counter encoded as negative", "1.3.6.1|65|-2", "Counter32 fe"},
		{"gauge", "1.3.6.1|66|4294967295", "Gauge32 00ffffffff"},
		{"ticks", "1.3.6.1|67|256", "TimeTicks 0100"},
		{"counter of 64 bits", "1.3.6.1|70|18446744073709551615", "Counter64 00ffffffffffffffff"},
		{"negative counter of 64 bits", "1.3.6.1|70|-1", "Counter64 00ffffffffffffffff"},
		{"unsigned", "1.3.6.1|71|5", "UInteger32 05"},
		{"OID", "1.3.6.1|6|1.3.6.1.4.1.8072", "OBJECT IDENTIFIER 2b06010401bf08"},
		{"OID with a dot behind it", "1.3.6.1|6|1.3.6.1.4.1.8072.", "OBJECT IDENTIFIER 2b06010401bf08"},
		{"address", "1.3.6.1|64|10.0.0.255", "IpAddress 0a0000ff"},
		{"address in hex", "1.3.6.1|64x|0A0000ff", "IpAddress 0a0000ff"},
		{"address as its octets", "1.3.6.1|64|J}M}", "IpAddress 4a7d4d7d"},
		{"opaque float", "1.3.6.1|68x|9f78043f800000", "Opaque 9f78043f800000"},
		{"null", "1.3.6.1|5|", "NULL "},
		{"exception", "1.3.6.1|129|", "noSuchInstance "},
		{"module with a value", "1.3.6.1|4:writecache|value=a b,hexvalue=", "OCTET STRING "},
		{"module with a value that has commas", "1.3.6.1|4:writecache|value==a,b=c,,wait==1", "OCTET STRING 612c623d63"},
		{"module with a value in hex", "1.3.6.1|4:delay|hexvalue=00ff,wait=100", "OCTET STRING 00ff"},
		{"number that moves", "1.3.6.1|65:numeric|initial=5,rate=0", "Counter32 05"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := record(t, "# a comment", "", test.line).Object(0, 0)
			if got := v.Type.String() + " " + hex.EncodeToString(v.Value); got != test.want || v.Name.String() != "1.3.6.1" {
				t.Errorf("%s: got %s %s, want %s", test.line, v.Name, got, test.want)
			}
		})
	}
}

func TestLinesThatAreLeftOut(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"no bars", `line 2: "no bars" is not OID|TAG|VALUE`},
		{"1.3|4", `line 2: "1.3|4" is not OID|TAG|VALUE`},
		{"1.3.x|4|a", `line 2: OID "1.3.x": "x" is not a number from 0 to 4294967295`},
		{"1|4|a", `line 2: OID "1": an object's OID has two numbers at least`},
		{"1.3|four|a", `line 2: tag "four" is not the number of a type`},
		{"1.3|9|a", `line 2: tag 9 is no type of SNMP`},
		{"1.3|:mysql|a", `line 2: tag "" is not the number of a type`},
		{"1.3|2|many", `line 2: value "many" of INTEGER: not a number`},
		{"1.3|65|NaN", `line 2: value "NaN" of Counter32: not a number`},
		{"1.3|64|10.0.0", `line 2: value "10.0.0" of IpAddress: not an IPv4 address`},
		{"1.3|4x|abc", `line 2: value "abc" of OCTET STRING: encoding/hex: odd length hex string`},
		{`1.3|4e|\q`, `line 2: value "\\q" of OCTET STRING: escape at "\\q"`},
		{"1.3|4:delay|wait=100", `line 2: module "delay" has no value= to serve`},
		{"1.3|65:numeric|rate=fast", `line 2: numeric: rate=fast is not a number`},
		{"1.3|66:numeric|function=gamma", `line 2: numeric: function "gamma" is not sin or cos`},
	} {
		r, err := ReadRecording(strings.NewReader("1.3.1|2|1\n" + test.line + "\n1.3.2|2|2\n"))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s\ngot  %v\nwant %s", test.line, err, test.want)
		}
		var line *LineError
		if !errors.As(err, &line) || line.Line != 2 {
			t.Errorf("%s: %#v is no LineError", test.line, err)
		}
		if r.Len() != 2 {
			t.Errorf("%s: the recording has %d objects, want the other 2", test.line, r.Len())
		}
	}
}

func TestALineWithoutEndIsReported(t *testing.T) {
	r, err := ReadRecording(strings.NewReader("1.3.1|2|1\n1.3.2|4|" + strings.Repeat("a", maxLine)))
	if err == nil || r.Len() != 1 {
		t.Errorf("%d objects, %v", r.Len(), err)
	}
}

func TestObjectsAreSorted(t *testing.T) {
	r := record(t, "1.3.10|2|3", "1.3.9|2|2", "1.3.9.1|2|4", "1.3.2|2|1", "1.3.9|4|a later line for an OID that is there")
	var got []string
	for i := range r.Len() {
		got = append(got, string(r.appendLine(nil, i)))
	}
	if want := "1.3.2|2|1\n1.3.9|2|2\n1.3.9.1|2|4\n1.3.10|2|3\n"; strings.Join(got, "") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOfManyLinesForAnOIDTheFirstCounts(t *testing.T) {
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("1.3.%d|2|%d", i%2, i))
	}
	r := record(t, lines...)
	if first, second := r.Object(0, 0), r.Object(1, 0); r.Len() != 2 || string(first.Value) != "\x00" || string(second.Value) != "\x01" {
		t.Errorf("%d objects, %v and %v", r.Len(), first, second)
	}
}

func TestStillLeavesOutWhatMoves(t *testing.T) {
	still := record(t, append(moving, small...)...).Still()
	want := record(t, small...)
	if !bytes.Equal(still.arena, want.arena) || !slices.Equal(still.objects, want.objects) {
		t.Errorf("%d objects, want %d", still.Len(), want.Len())
	}
}

// moving contains lines of each kind of changing value.
var moving = []string{
	"1.3.6.1.1|65:numeric|initial=4294967290,rate=3.5,wrap=1",
	"1.3.6.1.2|70:numeric|initial=18446744073709551610,rate=3.5,swing=0.5,period=60,phase=1,wrap=1",
	"1.3.6.1.3|2:numeric|initial=-40,scale=20.5,rate=0.01,phase=0.5,min=-100,function=sin",
	"1.3.6.1.4|66:numeric|initial=1000,offset=5,deviation=7,max=2000,wrap=1",
	"1.3.6.1.5|66:numeric|initial=0,scale=95,rate=0.001,deviation=2,function=cos",
}

func TestRoundTrip(t *testing.T) {
	recordings := map[string]*Recording{
		"moving": record(t, moving...),
		"odd":    record(t, "1.3|4|\x01", "1.4|65x|00ffffffff", "1.5|2x|0005", "1.6|68x|9f78043f800000", "1.7|5|", "1.8|64x|0102", "1.9|65|-2"),
	}
	for name, build := range Builtin {
		recordings[name] = build(3)
	}
	for name, r := range recordings {
		var text bytes.Buffer
		n, err := r.WriteTo(&text)
		if err != nil || n != int64(text.Len()) {
			t.Errorf("%s: %d octets counted of %d: %v", name, n, text.Len(), err)
		}
		back := record(t, text.String())
		if back.Len() != r.Len() {
			t.Errorf("%s: %d objects read back of %d", name, back.Len(), r.Len())
			continue
		}
		for i := range r.Len() {
			for _, seconds := range []float64{0, 12345.678} {
				if !bytes.Equal(r.Append(nil, i, seconds), back.Append(nil, i, seconds)) {
					t.Errorf("%s: reads back as %s", r.appendLine(nil, i), back.appendLine(nil, i))
				}
			}
		}
	}
}

func TestWritesWhatItRead(t *testing.T) {
	text := strings.Join(moving, "\n") + "\n"
	var back strings.Builder
	if _, err := record(t, text).WriteTo(&back); err != nil || back.String() != text {
		t.Errorf("got\n%swant\n%s, %v", back.String(), text, err)
	}
}

// compressed is "1.3.6.1|2|7\n" compressed by bzip2.
const compressed = "425a683931415926535950171d88000002588000100001398000042000221a3d4c843021b19d152278bb9229c2848280b8ec40"

func TestOpenRecording(t *testing.T) {
	const text = "1.3.6.1|2|7\n"
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	bz, err := hex.DecodeString(compressed)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"a.snmprec": []byte(text), "a.snmprec.gz": gz.Bytes(), "a.snmprec.bz2": bz} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenRecording(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if v := r.Object(0, 0); v.Type != snmp.Integer || string(v.Value) != "\x07" {
			t.Errorf("%s holds %v", name, v)
		}
	}
	if _, err := OpenRecording(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
