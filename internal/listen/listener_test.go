package listen

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
	"trapline/internal/setting"
	"trapline/internal/traps"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/snmp"
)

// ledger stands for an outbox.
type ledger struct {
	mu          sync.Mutex
	active      map[string]alarm.Alarm
	transitions int
	fails       error
	notes       int
}

func (l *ledger) apply(list []outbox.Transition, _ time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails != nil {
		return l.fails
	}
	for i := range list {
		l.transitions++
		if t := &list[i]; t.Active {
			l.active[t.Alarm.ID] = t.Alarm
		} else {
			delete(l.active, t.Alarm.ID)
		}
	}
	return nil
}

func (l *ledger) conditions() (list []alarm.Alarm) {
	for _, a := range l.active {
		list = append(list, a)
	}
	return list
}

// newListener returns a listener with the community public, and its ledger.
func newListener(t testing.TB, c *Configuration) (*Listener, *ledger) {
	t.Helper()
	book := &ledger{active: map[string]alarm.Alarm{}}
	l := New(Options{
		Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Conditions: book.conditions, Apply: book.apply,
		Note:    func(journal.Event) { book.mu.Lock(); book.notes++; book.mu.Unlock() },
		Refresh: func(context.Context, string, *poller.Rows) error { return nil },
		Holds:   func(string, poller.Report) ([]map[string]string, error) { return nil, nil },
	})
	auth := access.DefaultAuth()
	c.Auths, c.Settings.Auths = map[string]*access.Auth{"public_v2": &auth}, []string{"public_v2"}
	if err := l.Configure(c); err != nil {
		t.Fatal(err)
	}
	return l, book
}

// nowhere is a socket whose answers go nowhere.
func nowhere(t testing.TB) *socket {
	t.Helper()
	s, err := openSocket("127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = s.conn.Close() })
	return s
}

var linkDown = snmp.MustParseOID("1.3.6.1.6.3.1.1.5.3")

// message returns a trap or an inform of SNMPv2c.
func message(kind snmp.PDUType, id int32, uptime uint32, more ...snmp.VarBind) []byte {
	n := originator.Notification{Trap: linkDown, Uptime: uptime, VarBinds: more}
	return snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: kind, RequestID: id, VarBinds: n.EncodeVarBinds()})
}

// give hands datagrams of a sender to a worker, as a reader does, and has it handle them.
func give(l *Listener, s *socket, from string, list ...[]byte) {
	for _, b := range list {
		l.admit(s, netip.MustParseAddrPort(from), b, time.Now())
	}
	for _, w := range l.workers {
		w.handle(w.queue.take(w.batch))
	}
}

func (c *counts) total() (n uint64) {
	for _, names := range c.of {
		for _, count := range names {
			n += count.Load()
		}
	}
	return n
}

// sum is total while workers run.
func (c *counts) sum() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.total()
}

// A notification that comes again is taken once; an inform is acknowledged again. What differs is another one.
func TestNotificationsAreTakenOnce(t *testing.T) {
	l, _ := newListener(t, &Configuration{Settings: Settings{Allow: []string{"192.0.2.0/24"}}})
	s := nowhere(t)
	trap, inform := message(snmp.TrapV2, 1, 100), message(snmp.InformRequest, 1, 100)
	for _, step := range []struct {
		from string
		b    []byte
		want uint64
	}{
		{"192.0.2.1:1", trap, 1}, {"192.0.2.1:1", trap, 1}, {"192.0.2.1:9", trap, 1}, {"192.0.2.2:1", trap, 2},
		{"192.0.2.1:1", message(snmp.TrapV2, 1, 101), 3}, {"192.0.2.1:1", inform, 4}, {"192.0.2.1:1", inform, 4},
		{"192.0.2.1:1", message(snmp.InformRequest, 2, 100), 5}, {"198.51.100.1:1", trap, 5},
	} {
		give(l, s, step.from, step.b)
		if n := l.counts.total(); n != step.want {
			t.Errorf("from %s: %d taken, want %d", step.from, n, step.want)
		}
	}
}

// A sender that exceeds its rate is refused, and others are not.
func TestRateOfASender(t *testing.T) {
	l, _ := newListener(t, &Configuration{Settings: Settings{Rate: 2, Allow: []string{"192.0.2.0/24"}}})
	s := nowhere(t)
	for i := range 100 {
		give(l, s, "192.0.2.1:1", message(snmp.TrapV2, 1, uint32(i)))
	}
	if n := l.counts.total(); n < 8 || n > 10 {
		t.Errorf("%d are taken of a rate of 2 a second", n)
	}
	give(l, s, "192.0.2.2:1", message(snmp.TrapV2, 1, 1))
	var b buckets
	targets := traps.NewOwners([]traps.Target{{Name: "a", Address: "192.0.2.66"}}, nil, traps.Known{})
	for i := range maxBuckets + 1000 {
		b.take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1, time.Duration(i), targets)
	}
	if b.take(netip.MustParseAddr("192.0.2.65"), 1, 1, targets) || !b.take(netip.MustParseAddr("192.0.2.66"), 1, 1, targets) {
		t.Error("one more sender is remembered, or a target is refused")
	}
	delete(b.of, netip.MustParseAddr("192.0.2.66"))
	if len(b.of) > maxBuckets {
		t.Errorf("%d senders are remembered", len(b.of))
	}
	if !b.take(netip.MustParseAddr("192.0.2.77"), 1, time.Hour, targets) {
		t.Error("who is idle is never forgotten")
	}
}

// The names of a target's notifications are bounded.
func TestNamesOfTrapsAreBounded(t *testing.T) {
	l, _ := newListener(t, &Configuration{Settings: Settings{Rate: 1e6, Allow: []string{"0.0.0.0/0"}}})
	s := nowhere(t)
	for i := range uint32(10_000) {
		n := originator.Notification{Trap: snmp.AppendArc(snmp.MustParseOID("1.3.6.1.4.1.32473.0"), i), Uptime: i}
		give(l, s, "192.0.2.1:1", snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.TrapV2, VarBinds: n.EncodeVarBinds()}))
	}
	if n := len(l.counts.of[""]); n != maxNames+1 || l.counts.total() != 10_000 {
		t.Errorf("%d names, %d notifications", n, l.counts.total())
	}
}

// The queue of a worker is bounded in datagrams and octets.
func TestQueueIsBounded(t *testing.T) {
	for _, size := range []int{10, 60_000} {
		q, n := newQueue(), 0
		for range maxWaiting + 1 {
			if q.put(datagram{}, make([]byte, size), 2) {
				n++
			}
		}
		if n*size > maxWaitingBytes/2 || n > maxWaiting/2 || n < min(maxWaiting/2, maxWaitingBytes/2/size) {
			t.Errorf("%d datagrams of %d octets wait", n, size)
		}
	}
}

// Rules of a failing store: an inform is not acknowledged, and taken when it comes again.
func TestInformsWaitForTheStore(t *testing.T) {
	l, book := newListener(t, &Configuration{
		Settings: Settings{Allow: []string{"127.0.0.1"}},
		Rules:    []traps.Settings{{Alert: "Down", On: linkDown.String(), Expires: expires(t, "1h")}},
	})
	s := nowhere(t)
	sender, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	from := sender.LocalAddr().String()
	inform := message(snmp.InformRequest, 7, 100)
	book.fails = fmt.Errorf("the disk is full")
	give(l, s, from, inform, inform)
	if err := sender.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := sender.Read(make([]byte, 100)); err == nil {
		t.Errorf("an inform that cannot be stored is acknowledged, by %d octets", n)
	}
	book.fails = nil
	if err := sender.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		give(l, s, from, inform)
		if _, err := sender.Read(make([]byte, 100)); err != nil {
			t.Error(err)
		}
	}
	if len(book.active) != 1 || book.transitions != 1 {
		t.Errorf("%d active, %d transitions", len(book.active), book.transitions)
	}
}

// Whatever a datagram has, nothing fails, and what is stored of it is bounded.
func FuzzDatagram(f *testing.F) {
	f.Add(message(snmp.TrapV2, 1, 1))
	f.Add(message(snmp.InformRequest, 1, 1, snmp.VarBind{Name: originator.SNMPTrapAddress, Type: snmp.IPAddress, Value: []byte{1, 2, 3}}))
	f.Add(snmp.AppendTrap(nil, &snmp.TrapMessage{Community: []byte("public"), Trap: snmp.Trap{Enterprise: linkDown, Generic: 6, Specific: -1}}))
	l, book := newListener(f, &Configuration{
		Settings: Settings{Rate: 1e9, Allow: []string{"0.0.0.0/0", "::/0"}},
		Rules: []traps.Settings{{
			Alert: "Any", On: "1.3.6.1.*", Key: []string{"1.3.6.1.2.1"}, Expires: expires(f, "1h"), Clear: []string{linkDown.String()},
			Annotations: map[string]string{"summary": "{{ $labels.target }} {{ range $values }}{{ . }}{{ end }}"},
		}},
	})
	s := nowhere(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		give(l, s, "192.0.2.1:9", b)
		for _, a := range book.active {
			if a.Size() > 1<<20 {
				t.Errorf("an alarm of %d octets", a.Size())
			}
		}
		clear(book.active)
	})
}

// All notifications are lines of a file, which begins anew at its size. A file that was renamed is there after a reload.
func TestLogFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "traps.jsonl")
	c := &Configuration{
		Settings: Settings{Rate: 1e6, Allow: []string{"192.0.2.0/24"}, Log: LogSettings{File: file, MaxBytes: setting.Bytes{N: 2000}}},
		Targets:  []traps.Target{{Name: "core-1", Address: "192.0.2.1"}},
	}
	l, _ := newListener(t, c)
	s := nowhere(t)
	for i := range uint32(100) {
		give(l, s, "192.0.2.1:1", message(snmp.TrapV2, 1, i, snmp.VarBind{Name: originator.SNMPTrapAddress, Type: snmp.IPAddress, Value: []byte{192, 0, 2, 9}}))
	}
	lines := 0
	for _, name := range []string{file, file + ".1"} {
		text, err := os.ReadFile(name)
		if err != nil || len(text) > 2000 {
			t.Fatalf("%s has %d octets, %v", name, len(text), err)
		}
		lines += bytes.Count(text, []byte("\n"))
		var one loggedTrap
		if err := json.Unmarshal(text[:bytes.IndexByte(text, '\n')], &one); err != nil || one.Target != "core-1" || one.OID != linkDown.String() || one.VarBinds[0].Value != "192.0.2.9" {
			t.Errorf("%+v, %v", one, err)
		}
	}
	if lines < 5 {
		t.Errorf("%d lines are kept", lines)
	}
	if err := os.Rename(file, file+".2"); err != nil {
		t.Fatal(err)
	}
	if err := l.Configure(c); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	c.Settings.Log.File = filepath.Join(file, "below")
	if err := l.Configure(c); err == nil {
		t.Error("a file that cannot be opened is no error")
	}
}

// An alarm of a rule with an expression ends by a poll that began after its trap, and after a restart too.
func TestAlarmsEndByPolls(t *testing.T) {
	c := &Configuration{
		Settings: Settings{Allow: []string{"192.0.2.0/24"}},
		Targets:  []traps.Target{{Name: "ups-1", Address: "192.0.2.1"}},
		Rules:    []traps.Settings{{Alert: "OnBattery", On: linkDown.String(), Until: "source != 5"}},
	}
	l, book := newListener(t, c)
	var holds []map[string]string
	l.options.Holds = func(string, poller.Report) ([]map[string]string, error) { return holds, nil }
	give(l, nowhere(t), "192.0.2.1:1", message(snmp.TrapV2, 1, 1))
	poll := func(start time.Time) {
		l.Ended(poller.Report{Target: &poller.Target{Name: "ups-1"}, Last: &poller.Pass{Up: true, Start: start}})
	}
	want := func(n int, when string) {
		t.Helper()
		if len(book.active) != n {
			t.Errorf("%s there are %d alarms, want %d", when, len(book.active), n)
		}
	}
	want(1, "after the trap")
	poll(time.Now())
	want(1, "while it does not hold")
	holds = []map[string]string{{"target": "ups-2"}}
	poll(time.Now())
	want(1, "while it holds for others")
	holds = []map[string]string{{"target": "ups-1", "other": "label"}}
	poll(time.Now().Add(-time.Minute))
	want(1, "after a poll that began before the trap")
	l.standing = standing{}
	if err := l.Configure(c); err != nil {
		t.Fatal(err)
	}
	poll(time.Now())
	want(0, "after a restart, and a poll")
	give(l, nowhere(t), "192.0.2.1:1", message(snmp.TrapV2, 1, 2))
	c.Rules = nil
	if err := l.Configure(c); err != nil {
		t.Fatal(err)
	}
	want(0, "without the rule")
}
