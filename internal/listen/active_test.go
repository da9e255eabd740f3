package listen

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/poller"
	"trapline/internal/snmp"
	"trapline/internal/traps"
)

// count returns the conditions that are known.
func (s *standing) count() (n int) {
	for _, conditions := range s.of {
		n += len(conditions)
	}
	return n
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.active)
}

var linkUp = snmp.MustParseOID("1.3.6.1.6.3.1.1.5.4")

// keyed returns a trap with a key.
func keyed(trap snmp.OID, uptime uint32, key byte) []byte {
	b := message(snmp.TrapV2, 1, uptime, snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.4.1.9.1.0"), Type: snmp.Integer, Value: []byte{key}})

	for i := 0; i+len(linkDown) <= len(b); i++ {
		if string(b[i:i+len(linkDown)]) == string(linkDown) {
			copy(b[i:], trap)
			break
		}
	}
	return b
}

// What ends by an expression is known as long as it is active, however it ends: by a poll, by a trap, by a reload.
func TestConditionsAreKnownWhileTheyAreActive(t *testing.T) {
	with := []traps.Settings{
		{Alert: "A", On: linkDown.String(), Until: "up == 1", Clear: []string{linkUp.String()}, Key: []string{"1.3.6.1.4.1.9.1"}},
		{Alert: "B", On: linkDown.String(), Until: "up == 1", Clear: []string{linkUp.String()}},
	}
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 2))
		c := &Configuration{Settings: Settings{Allow: []string{"192.0.2.0/24"}, Rate: 1e6}, Targets: []traps.Target{{Name: "a", Address: "192.0.2.1"}}, Rules: with}
		l, book := newListener(t, c)
		l.options.Holds = func(string, poller.Report) ([]map[string]string, error) {
			return []map[string]string{{"target": "a"}}, nil
		}
		s := nowhere(t)
		for i := range uint32(100) {
			switch random.IntN(8) {
			case 0:
				l.Ended(poller.Report{Target: &poller.Target{Name: "a"}, Last: &poller.Pass{Up: true, Start: time.Now()}})
			case 1:
				c.Rules = with[random.IntN(3):]
				if err := l.Configure(c); err != nil {
					t.Fatal(err)
				}
			default:
				trap := []snmp.OID{linkDown, linkUp}[random.IntN(2)]
				give(l, s, []string{"192.0.2.1:1", "192.0.2.2:1"}[random.IntN(2)], keyed(trap, i, byte(random.IntN(4))))
			}
			if known, active := l.standing.count(), book.len(); known != active {
				t.Fatalf("seed %d, step %d: %d conditions are known, %d active", seed, i, known, active)
			}
		}
	}
}

// Conditions that expire are forgotten, though nobody polls their device.
func TestConditionsThatExpiredAreForgotten(t *testing.T) {
	var s standing
	at := time.Now()
	for i := range 100 * sweepAfter {
		at = at.Add(time.Second)
		s.put("a", string(rune(i)), condition{since: at, ends: at.Add(time.Minute)})
	}
	if n := s.count(); n > 2*sweepAfter {
		t.Errorf("%d conditions are known", n)
	}
}

// A device that sends ever new keys has so many alarms at most, as all together that are no target; informs about more
// are not acknowledged. Those that ended make room.
func TestConditionsOfATargetAreBounded(t *testing.T) {
	c := &Configuration{
		Settings: Settings{Allow: []string{"0.0.0.0/0"}, Rate: 1e6}, Targets: []traps.Target{{Name: "a", Address: "192.0.2.1"}, {Name: "b", Address: "192.0.2.2"}},
		Rules: []traps.Settings{{Alert: "A", On: linkDown.String(), Clear: []string{linkUp.String()}, Key: []string{"1.3.6.1.4.1.9.1"}}},
	}
	l, book := newListener(t, c)
	s := nowhere(t)
	key := func(i int) snmp.VarBind {
		return snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.4.1.9.1.0"), Type: snmp.Integer, Value: snmp.AppendInt(nil, int64(i))}
	}
	var list [][]byte
	for i := range maxConditions + 1000 {
		list = append(list, message(snmp.TrapV2, 1, uint32(i), key(i)))
	}
	give(l, s, "192.0.2.1:1", list...)
	const atOnce = 250
	for i := 0; i < len(list); i += atOnce {
		give(l, s, fmt.Sprintf("10.0.0.%d:1", i/atOnce), list[i:i+atOnce]...)
	}
	give(l, s, "192.0.2.2:1", list[0])
	give(l, s, "192.0.2.1:1", message(snmp.TrapV2, 1, 99_999, key(0))) // again
	if n := book.len(); n != 2*maxConditions+1 {
		t.Errorf("%d alarms", n)
	}
	book.mu.Lock()
	for id, a := range book.active {
		if a.Target == "a" {
			delete(book.active, id) // expired
		}
	}
	book.mu.Unlock()
	for _, conditions := range l.standing.of {
		for source, one := range conditions {
			one.since = one.since.Add(-settled)
			conditions[source] = one
		}
	}
	l.standing.synced = time.Time{}
	give(l, s, "192.0.2.1:1", message(snmp.TrapV2, 1, 100_000, key(50_000)))
	if n := book.len(); n != maxConditions+2 {
		t.Errorf("%d alarms after those of a target ended", n)
	}
}
