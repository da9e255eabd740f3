package listen

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"trapline/internal/snmp"
	"trapline/internal/traps"
)

// Received and refused notifications can be listed: the most frequent, and the last senders with each reason.
func TestReceivedIsListed(t *testing.T) {
	l, _ := newListener(t, &Configuration{Settings: Settings{Allow: []string{"192.0.2.0/24"}}, Targets: []traps.Target{{Name: "core-1", Address: "192.0.2.1"}}})
	s := nowhere(t)
	other := snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("other"), PDU: snmp.TrapV2})
	give(l, s, "192.0.2.1:1", message(snmp.TrapV2, 1, 1), message(snmp.TrapV2, 1, 2))
	give(l, s, "192.0.2.2:1", message(snmp.TrapV2, 1, 1), other)
	give(l, s, "198.51.100.1:1", other, other)
	got := l.Received(1)
	if len(got.Counts) != 1 || got.Counts[0].Target != "core-1" || got.Counts[0].Count != 2 || got.Total != 2 {
		t.Errorf("%+v of %d", got.Counts, got.Total)
	}
	if len(got.Refused) != 2 || got.Refused[0].Reason != refusedACL || got.Refused[0].Count != 2 || got.Refused[0].Hint == "" {
		t.Errorf("%+v", got.Refused)
	}
	if len(got.Refusers) != 2 || got.Refusers[0].Sender != "198.51.100.1" || got.Refusers[0].Count != 2 || got.Refusers[1].Reason != refusedCommunity || time.Since(got.Refusers[0].Last) > time.Minute {
		t.Errorf("%+v", got.Refusers)
	}
}

// The greatest counts are those of a list of all; the refused senders that are listed are bounded, and new ones come in.
func TestViewsAreBounded(t *testing.T) {
	c := newCounts()
	for i := range 5000 {
		for range i%17 + 1 {
			c.add(fmt.Sprintf("t-%d", i%40), fmt.Sprint("n-", i/40))
		}
	}
	all, total := c.greatest(10_000)
	few, _ := c.greatest(20)
	if total != 5000 || len(all) != 5000 || len(few) != 20 || fmt.Sprint(few) != fmt.Sprint(all[:20]) {
		t.Errorf("%d of %d: %v", len(few), total, few)
	}
	last := latest{of: map[refuser]*lastRefusal{}}
	for i := range 100_000 {
		last.add(refuser{netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), refusedACL}, time.Duration(i)*time.Millisecond)
	}
	if len(last.of) != maxLatest {
		t.Errorf("%d senders are listed", len(last.of))
	}
	for key, one := range last.of {
		if one.last < 80*time.Second {
			t.Errorf("%v, refused at %v, makes no room", key, one.last)
		}
	}
}

// The last notifications of devices that are no target are kept, of each device some, whatever is sent; those of a device
// that becomes one are not listed.
func TestNotificationsOfNobodyAreKept(t *testing.T) {
	c := &Configuration{Settings: Settings{Rate: 1e6, Allow: []string{"0.0.0.0/0"}}, Targets: []traps.Target{{Name: "core-1", Address: "192.0.2.1"}}}
	l, _ := newListener(t, c)
	s := nowhere(t)
	large := snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.4.1.32473.1"), Type: snmp.OctetString, Value: make([]byte, 60_000)}
	for i := range 3000 {
		give(l, s, fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), message(snmp.TrapV2, 1, uint32(i), large))
	}
	for i := range 100 {
		give(l, s, "192.0.2.1:1", message(snmp.TrapV2, 1, uint32(i)))
		give(l, s, "192.0.2.2:1", message(snmp.TrapV2, 1, uint32(i), snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.2.2.1.1.3"), Type: snmp.Integer, Value: []byte{3}}))
	}
	got := l.Received(10_000).Unknown
	of, octets := map[string]int{}, 0
	for _, one := range got {
		of[one.Device]++
	}
	for e := l.unknown.all.Front(); e != nil; e = e.Next() {
		octets += cap(e.Value.(*stray).varbinds)
	}
	if len(got) != maxUnknown || of["192.0.2.2"] != maxUnknownOfDevice || of["192.0.2.1"] != 0 || len(l.unknown.of) != len(of) || octets > 2*maxUnknown*maxUnknownOctets {
		t.Errorf("%d are kept in %d octets: %d of the one that floods, %d of a target, %d devices", len(got), octets, of["192.0.2.2"], of["192.0.2.1"], len(l.unknown.of))
	}
	if one := got[0]; one.Device != "192.0.2.2" || one.Version != "2c" || one.Trap != linkDown.String() || one.Text != "1.3.6.1.2.1.2.2.1.1.3=3" || one.User != "" || time.Since(one.At) > time.Minute {
		t.Errorf("%+v", one)
	}
	c.Targets = append(c.Targets, traps.Target{Name: "core-2", Address: "192.0.2.2"})
	if err := l.Configure(c); err != nil {
		t.Fatal(err)
	}
	if got := l.Received(10_000).Unknown; len(got) != maxUnknown-maxUnknownOfDevice {
		t.Errorf("%d are listed after one of the devices became a target", len(got))
	}
}
