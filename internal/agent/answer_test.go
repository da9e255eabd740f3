package agent

import (
	"slices"
	"strings"
	"testing"

	"trapline/internal/snmp"
)

// small has two columns of two rows, a counter that version 1 does not support, and an end.
var small = []string{
	"1.3.6.1.1.1.0|4|hello",
	"1.3.6.1.1.3.0|67|100",
	"1.3.6.1.2.1.1|2|11",
	"1.3.6.1.2.1.2|2|12",
	"1.3.6.1.2.2.1|70|21",
	"1.3.6.1.2.2.2|70|22",
	"1.3.6.1.3.0|65|30",
}

func TestAnswers(t *testing.T) {
	c := dial(t, start(t, record(t, small...).Serve(local(1))).Addr(0))
	for _, test := range []struct{ name, command, want string }{
		{"get", "2c public get 1.3.6.1.1.1.0 1.3.6.1.2.2.1", "1.3.6.1.1.1.0=hello 1.3.6.1.2.2.1=21"},
		{"get of a row that is not there", "2c public get 1.3.6.1.2.1.9", "1.3.6.1.2.1.9=noSuchInstance"},
		{"get before the first row", "2c public get 1.3.6.1.2.2.0", "1.3.6.1.2.2.0=noSuchInstance"},
		{"get of a column", "2c public get 1.3.6.1.2.1", "1.3.6.1.2.1=noSuchObject"},
		{"get of what nobody knows", "2c public get 1.3.6.1.9.1.0 1.3.6.1.1.3.0", "1.3.6.1.9.1.0=noSuchObject 1.3.6.1.1.3.0=100"},
		{"get of nothing", "2c public get", ""},
		{"next", "2c public next 1.3.6.1.2.1 1.3.6.1.2.1.2", "1.3.6.1.2.1.1=11 1.3.6.1.2.2.1=21"},
		{"next of the first", "2c public next 0.0", "1.3.6.1.1.1.0=hello"},
		{"next of the last", "2c public next 1.3.6.1.3.0 1.3.6.1.1.3", "1.3.6.1.3.0=endOfMibView 1.3.6.1.1.3.0=100"},
		{"next of what lies behind", "2c public next 2.5", "2.5=endOfMibView"},

		{"bulk of a column", "2c public bulk 0 3 1.3.6.1.2.1", "1.3.6.1.2.1.1=11 1.3.6.1.2.1.2=12 1.3.6.1.2.2.1=21"},
		{"bulk goes row by row", "2c public bulk 0 2 1.3.6.1.2.1 1.3.6.1.2.2",
			"1.3.6.1.2.1.1=11 1.3.6.1.2.2.1=21 1.3.6.1.2.1.2=12 1.3.6.1.2.2.2=22"},
		{"bulk with a non-repeater", "2c public bulk 1 2 1.3.6.1.1.3 1.3.6.1.2.1",
			"1.3.6.1.1.3.0=100 1.3.6.1.2.1.1=11 1.3.6.1.2.1.2=12"},
		{"bulk with nothing but non-repeaters", "2c public bulk 9 1000000 1.3.6.1.1.3 1.3.6.1.2.1", "1.3.6.1.1.3.0=100 1.3.6.1.2.1.1=11"},
		{"bulk of no repetitions", "2c public bulk 1 0 1.3.6.1.1.3 1.3.6.1.2.1", "1.3.6.1.1.3.0=100"},
		{"bulk with negative numbers", "2c public bulk -5 -5 1.3.6.1.1.3", ""},
		{"bulk over one end", "2c public bulk 0 2 1.3.6.1.2.2.2 1.3.6.1.2.1",
			"1.3.6.1.3.0=30 1.3.6.1.2.1.1=11 1.3.6.1.3.0=endOfMibView 1.3.6.1.2.1.2=12"},
		{"bulk stops behind the row in which all have ended", "2c public bulk 0 100 1.3.6.1.2.2.2 1.3.6.1.7",
			"1.3.6.1.3.0=30 1.3.6.1.7=endOfMibView 1.3.6.1.3.0=endOfMibView 1.3.6.1.7=endOfMibView"},

		{"v1 get", "1 public get 1.3.6.1.1.1.0 1.3.6.1.3.0", "1.3.6.1.1.1.0=hello 1.3.6.1.3.0=30"},
		{"v1 get of what is not there", "1 public get 1.3.6.1.1.1.0 1.3.6.1.2.1.9",
			"noSuchName at 2: 1.3.6.1.1.1.0=NULL 1.3.6.1.2.1.9=NULL"},
		{"v1 get of a Counter64", "1 public get 1.3.6.1.2.2.1", "noSuchName at 1: 1.3.6.1.2.2.1=NULL"},
		{"v1 next passes Counter64", "1 public next 1.3.6.1.2.1.2", "1.3.6.1.3.0=30"},
		{"v1 next of the last", "1 public next 1.3.6.1.1.1 1.3.6.1.3.0", "noSuchName at 2: 1.3.6.1.1.1=NULL 1.3.6.1.3.0=NULL"},

		{"set", "2c public set 1.3.6.1.1.1.0", "noAccess at 1: 1.3.6.1.1.1.0=NULL"},
		{"v1 set", "1 public set 1.3.6.1.1.1.0", "readOnly at 1: 1.3.6.1.1.1.0=NULL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.send(request(t, 77, test.command))
			m := c.next()
			if got := show(t, m); got != test.want {
				t.Errorf("%s\ngot  %s\nwant %s", test.command, got, test.want)
			}
			if m.RequestID != 77 || m.PDU != snmp.Response || string(m.Community) != "public" {
				t.Errorf("answered as %+v", m)
			}
		})
	}
}

func TestSilence(t *testing.T) {
	rec := record(t, small...)
	d := Device{Address: local(1), Communities: map[string]*Recording{"public": rec}}
	c := dial(t, start(t, d).Addr(0))
	valid := request(t, 1, "2c public get 1.3.6.1.1.1.0")
	broken := slices.Clone(valid)
	broken[len(broken)-3] = 0x80 // the name is truncated within an arc
	version3 := slices.Clone(valid)
	version3[4] = 3
	for name, asked := range map[string][]byte{
		"wrong community":  request(t, 1, "2c private get 1.3.6.1.1.1.0"),
		"nothing":          {},
		"cut off":          valid[:len(valid)-1],
		"malformed name":   broken,
		"version 3":        version3,
		"bulk in v1":       request(t, 1, "1 public bulk 0 5 1.3.6.1"),
		"a response":       request(t, 1, "2c public response 1.3.6.1.1.1.0"),
		"a trap":           request(t, 1, "2c public trap 1.3.6.1.1.1.0"),
		"not even ASN.1":   []byte("GET / HTTP/1.0\r\n\r\n"),
		"too long a claim": append([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, valid[2:]...),
	} {
		t.Run(name, func(t *testing.T) {
			c.send(asked)
			c.send(request(t, 2, "2c public get 1.3.6.1.1.1.0"))
			if m := c.next(); m.RequestID != 2 {
				t.Errorf("answered with %s", show(t, m))
			}
		})
	}
}

func TestCommunitySelectsTheRecording(t *testing.T) {
	d := Device{Address: local(1), Communities: map[string]*Recording{
		"public": record(t, "1.3.6.1.1.1.0|4|one"),
		"vlan2":  record(t, "1.3.6.1.1.1.0|4|two"),
		"":       record(t, "1.3.6.1.1.1.0|4|any"),
	}}
	c := dial(t, start(t, d).Addr(0))
	for community, want := range map[string]string{"public": "one", "vlan2": "two", "whatever": "any"} {
		c.send(request(t, 1, "2c "+community+" get 1.3.6.1.1.1.0"))
		if got := show(t, c.next()); got != "1.3.6.1.1.1.0="+want {
			t.Errorf("%s sees %s", community, got)
		}
	}
}

func TestLargeAnswers(t *testing.T) {
	rec := record(t, "1.3.6.1.1.1|4|"+strings.Repeat("a", 100), "1.3.6.1.1.2|4|"+strings.Repeat("b", 100), "1.3.6.1.1.3|4|c",
		"1.3.6.1.1.4|4|"+strings.Repeat("d", 300))
	for _, test := range []struct{ name, command, want string }{
		{"bulk ends at a binding", "2c public bulk 0 10 1.3.6.1", "1.3.6.1.1.1 1.3.6.1.1.2 1.3.6.1.1.3"},
		{"bulk of one too large", "2c public bulk 0 10 1.3.6.1.1.3", "tooBig at 0:"},
		{"bulk's non-repeaters", "2c public bulk 2 0 1.3.6.1 1.3.6.1.1.3", "1.3.6.1.1.1"},
		{"get", "2c public get 1.3.6.1.1.1 1.3.6.1.1.2 1.3.6.1.1.4", "tooBig at 0:"},
		{"next", "2c public next 1.3.6.1.1.3", "tooBig at 0:"},
		{"v1 get", "1 public get 1.3.6.1.1.4", "tooBig at 0: 1.3.6.1.1.4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := well(rec)
			d.maxSize = 300
			var r responder
			answer := r.respond(d, request(t, 1, test.command), 0)
			if len(answer) > d.maxSize {
				t.Errorf("%d octets", len(answer))
			}
			m, err := snmp.ParseMessage(answer)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(t, m); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// names returns the output of show without the values.
func names(t *testing.T, m snmp.Message) string {
	var short []string
	for _, word := range strings.Fields(show(t, m)) {
		name, _, _ := strings.Cut(word, "=")
		short = append(short, name)
	}
	if m.ErrorStatus != snmp.NoError && len(m.VarBinds) == 0 {
		short[len(short)-1] += ":"
	}
	return strings.Join(short, " ")
}

func TestAnAnswerFillsTheDatagram(t *testing.T) {
	var r responder
	d := well(Switch48(1))
	for _, size := range []int{484, 1472, 8192} {
		d.maxSize = size
		if n := len(r.respond(d, request(t, 1, "2c public bulk 0 1000 1.3.6.1.2.1.2.2.1.2"), 0)); n > size || n < size-60 {
			t.Errorf("%d octets where %d fit", n, size)
		}
	}
}

func TestAnsweringDoesNotAllocate(t *testing.T) {
	d := well(Switch48(1))
	var r responder
	for _, command := range []string{
		"2c public get 1.3.6.1.2.1.1.3.0 1.3.6.1.2.1.1.99.0", "2c public next 1.3.6.1.2.1.1.3.0",
		"2c public bulk 1 10 1.3.6.1.2.1.1.3 1.3.6.1.2.1.2.2.1.2 1.3.6.1.2.1.31.1.1.1.6 1.3.6.1.2.1.99.1.1.1.4",
	} {
		asked := request(t, 1, command)
		if n := testing.AllocsPerRun(100, func() { r.respond(d, asked, 1e5) }); n != 0 {
			t.Errorf("%s: %v allocations", command, n)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	rec := record(f, small...)
	sick := well(rec)
	sick.faulty = newFaulty(&Faults{FailFrom: snmp.MustParseOID("1.3.6.1.3"), LoopAfter: snmp.MustParseOID("1.3.6.1.2.1.2"), LoopBack: 1}, 0)
	for _, command := range []string{
		"2c public get 1.3.6.1.1.1.0 1.3.6.1.2.1.9",     // one exists, one is missing
		"1 public next 1.3.6.1.2.1.2 2.5",               // across Counter64, and beyond the end
		"2c public bulk 1 2147483647 1.3.6.1.1 1.3.6.1", // more rows than exist
		"2c public bulk -1 5 1.3.6.1.2.1.1",             // into the loop
		"1 public set 1.3.6.1.1.1.0",                    // refused
	} {
		f.Add(request(f, 1, command))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r responder
		for _, d := range []*device{well(rec), sick} {
			answer := r.respond(d, b, 1)
			if answer == nil {
				continue
			}
			m, err := snmp.ParseMessage(answer)
			if err != nil {
				t.Fatal(err)
			}
			if m.PDU != snmp.Response || m.ErrorStatus == snmp.NoError && len(answer) > d.maxSize {
				t.Errorf("%d octets: %+v", len(answer), m)
			}
		}
	})
}
