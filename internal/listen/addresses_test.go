package listen

import (
	"fmt"
	"net/netip"
	"testing"

	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
	"trapline/internal/traps"
)

// polled is a poll with the indexes of rows of a column.
func polled(column string, indexes ...string) *poller.Pass {
	c := series.Column{Desc: &series.Desc{Name: "x", Object: snmp.MustParseOID(column)}, Table: &series.Table{}}
	for _, text := range indexes {
		oid := snmp.MustParseOID("1.3." + text)
		c.Table.Indexes = append(c.Table.Indexes, oid[1:]...)
		c.Table.IndexEnds = append(c.Table.IndexEnds, uint32(len(c.Table.Indexes)))
		c.Table.AddRow()
		c.Values = append(c.Values, 1)
	}
	return &poller.Pass{Up: true, Sets: []*series.Set{{Columns: []series.Column{c}}}}
}

// The addresses of a device are those that the indexes of its tables begin with, whatever it sends.
func TestAddressesOfTables(t *testing.T) {
	for _, test := range []struct{ column, index, want string }{
		{"1.3.6.1.2.1.4.20.1.2", "10.0.0.1", "[10.0.0.1]"},
		{"1.3.6.1.2.1.4.34.1.3", "1.4.10.0.0.1", "[10.0.0.1]"},
		{"1.3.6.1.2.1.4.34.1.3", "2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1", "[2001:db8::1]"},
		{"1.3.6.1.2.1.4.34.1.3", "3.8.10.0.0.1.0.0.0.1", "[]"},
		{"1.3.6.1.2.1.4.34.1.3", "1.16.10.0.0.1", "[]"},
		{"1.3.6.1.2.1.4.20.1.2", "10.0.0.256", "[]"},
		{"1.3.6.1.2.1.4.20.1.2", "10.0.0", "[]"},
		{"1.3.6.1.2.1.14.7.1.12", "10.0.0.1.0", "[10.0.0.1]"},
		{"1.0.8802.1.1.2.1.3.8.1.5", "1.4.10.0.0.1", "[10.0.0.1]"},
		{"1.0.8802.1.1.2.1.3.8.1.5", "6.6.10.0.0.1.2.3", "[]"},
		{"1.3.6.1.2.1.2.2.1.8", "10.0.0.1", "[]"},
	} {
		if list, _ := addressesOf(polled(test.column, test.index)); fmt.Sprint(list) != test.want {
			t.Errorf("%s.%s: %v, want %s", test.column, test.index, list, test.want)
		}
	}
}

// A trap from an address in the tables of a target is allowed as those of the target are, until a poll no longer has it.
func TestTrapsFromOtherAddressesOfTargets(t *testing.T) {
	c := &Configuration{Targets: []traps.Target{{Name: "core-1", Address: "192.0.2.1"}}}
	l, _ := newListener(t, c)
	s := nowhere(t)
	n := uint32(0)
	taken := func() bool {
		n++
		before := l.counts.total()
		give(l, s, "10.0.0.1:9", message(snmp.TrapV2, 1, n))
		return l.counts.total() > before && l.counts.of["core-1"] != nil
	}
	poll := func(p *poller.Pass) { l.Ended(poller.Report{Target: &poller.Target{Name: "core-1"}, Last: p}) }
	if taken() {
		t.Error("an unknown address is allowed")
	}
	poll(polled("1.3.6.1.2.1.4.20.1.2", "10.0.0.1", "127.0.0.1"))
	if !taken() {
		t.Error("an address in the tables is refused")
	}
	poll(polled("1.3.6.1.2.1.2.2.1.8", "1"))
	poll(&poller.Pass{Up: false})
	if !taken() {
		t.Error("a poll without tables makes it forgotten")
	}
	c.Settings.Allow = []string{"192.0.2.0/24"}
	if err := l.Configure(c); err != nil {
		t.Fatal(err)
	}
	if taken() {
		t.Error("allow does not say so")
	}
	c.Settings.Allow = nil
	if err := l.Configure(c); err != nil {
		t.Fatal(err)
	}
	poll(polled("1.3.6.1.2.1.4.20.1.2", "10.0.0.2"))
	if taken() {
		t.Error("the device does not have it any more")
	}
	poll(polled("1.3.6.1.2.1.4.20.1.2", "10.0.0.1"))
	c.Targets = nil
	if err := l.Configure(c); err != nil {
		t.Fatal(err)
	}
	if l.tables.Owner(netip.MustParseAddr("10.0.0.1")) != "" {
		t.Error("addresses of targets are kept that do not exist")
	}
}
