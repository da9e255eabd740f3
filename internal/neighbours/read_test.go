package neighbours

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/peers"
	"trapline/internal/setting"
)

// readFrom reads the neighbours of a device at an address.
func readFrom(t *testing.T, address, community string) *Reading {
	t.Helper()
	e := client.New(client.Options{})
	defer e.Close()
	s, err := e.Target(client.Spec{Address: address, Auth: &access.Auth{Version: 2, Community: setting.Secret(community)}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read(t.Context(), s, client.Params{}, Protocols)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// snmprec is a recording of a device with an LLDP chassis ID, and neighbours by LLDP and CDP.
type snmprec struct {
	name, mac string
	lldp, cdp []string // "mac name", or "name address"
}

func (d snmprec) text() string {
	lines := []string{"1.3.6.1.2.1.1.5.0|4|" + d.name}
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if d.mac != "" {
		add("1.0.8802.1.1.2.1.3.1.0|2|4")
		add("1.0.8802.1.1.2.1.3.2.0|4x|%s", d.mac)
	}
	for i, line := range d.lldp {
		mac, name, _ := strings.Cut(line, " ")
		add("1.0.8802.1.1.2.1.4.1.1.4.77.%d.1|2|4", i+1)
		add("1.0.8802.1.1.2.1.4.1.1.5.77.%d.1|4x|%s", i+1, mac)
		add("1.0.8802.1.1.2.1.4.1.1.9.77.%d.1|4|%s", i+1, name)
		add("1.0.8802.1.1.2.1.4.2.1.3.77.%d.1.1.4.192.0.2.%d|2|2", i+1, i+1)
	}
	for i, line := range d.cdp {
		name, address, _ := strings.Cut(line, " ")
		add("1.3.6.1.4.1.9.9.23.1.2.1.1.3.%d.1|2|1", i+1)
		add("1.3.6.1.4.1.9.9.23.1.2.1.1.4.%d.1|4x|%s", i+1, address)
		add("1.3.6.1.4.1.9.9.23.1.2.1.1.6.%d.1|4|%s", i+1, name)
	}
	slices.SortFunc(lines, func(a, b string) int { return compareOIDs(a, b) })
	return strings.Join(lines, "\n") + "\n"
}

func compareOIDs(a, b string) int {
	arcs := func(s string) (list []int) {
		oid, _, _ := strings.Cut(s, "|")
		for _, arc := range strings.Split(oid, ".") {
			var n int
			_, _ = fmt.Sscan(arc, &n)
			list = append(list, n)
		}
		return list
	}
	return slices.Compare(arcs(a), arcs(b))
}

// Two devices that snmpsimd plays name each other by LLDP, and a third one by CDP.
func TestLinksOfPlayedDevices(t *testing.T) {
	s := peers.StartSnmpsimd(t, map[string]string{
		"core":   snmprec{"core-1", "001122334401", []string{"001122334402 dist-1", "00112233440f printer"}, nil}.text(),
		"dist":   snmprec{"dist-1", "001122334402", []string{"001122334401 core-1"}, []string{"Access-1.example.com(FOX123) c0000203"}}.text(),
		"access": snmprec{"access-1.example.com", "", nil, []string{"dist-1 c0000209"}}.text(),
	})
	b := NewBook()
	b.Configure([]string{"core"}, []Device{{Name: "core"}, {Name: "dist"}, {Name: "access"}})
	for i, name := range []string{"access", "core", "dist"} {
		b.Answered(name, readFrom(t, s.Addresses[0], name), time.Duration(i), time.Unix(0, 0))
	}
	if got := text(b); got != "access-dist cdp, core-dist lldp" {
		t.Errorf("%q", got)
	}
	if got := b.Of("core"); len(got) != 2 || got[0].Name != "dist" || !got[0].Linked || got[1].Name != "printer" || got[1].Target {
		t.Errorf("%+v", got)
	}
}

// text has the links of a book.
func text(b *Book) string {
	var list []string
	for _, l := range b.Links() {
		one := l.Ends[0] + "-" + l.Ends[1]
		for _, p := range l.By {
			one += " " + string(p)
		}
		if l.Via != "" {
			one += " over " + l.Via
		}
		list = append(list, one)
	}
	return strings.Join(list, ", ")
}
