package listen

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/snmp"
	"trapline/internal/traps"
)

// Traps that came while nothing could be stored are stored once it can be, each source's last one alone; informs are sent again by
// their senders. Whatever came in between and in which order, the alarms are those of a store that never failed.
func TestTrapsWaitForTheStore(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 21))
			settings := func() *Configuration {
				return &Configuration{
					Settings: Settings{Rate: 1e6}, Targets: []traps.Target{{Name: "a", Address: "192.0.2.1"}, {Name: "b", Address: "192.0.2.2"}},
					Rules: []traps.Settings{{Alert: "Cleared", On: linkDown.String(), Clear: []string{linkUp.String()}, Key: keyObjects}},
				}
			}
			flaky, book := newListener(t, settings())
			steady, want := newListener(t, settings())
			s := nowhere(t)
			var informs []*sample // that were not acknowledged
			for i := range 60 {
				d := randomSample(random, uint32(i+1))
				if random.IntN(4) == 0 {
					book.fails = errors.New("the cluster does not answer")
				} else if random.IntN(2) == 0 {
					book.fails = nil
				}
				if d.inform { // whose sender sends no other one meanwhile
					give(flaky, s, d.from)
					if book.fails != nil {
						informs = append(informs, d)
						continue
					}
				}
				give(flaky, s, d.from, d.octets)
				give(steady, s, d.from, d.octets)
				time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
			}
			book.fails = nil
			time.Sleep(2 * lateInterval)
			give(flaky, s, "192.0.2.1:9")
			for _, d := range informs {
				give(flaky, s, d.from, d.octets)
				give(steady, s, d.from, d.octets)
			}
			ids := func(l *ledger) []string { return slices.Sorted(maps.Keys(l.active)) }
			if !slices.Equal(ids(book), ids(want)) {
				t.Fatalf("seed %d: active are %q, want %q", seed, ids(book), ids(want))
			}
			for _, w := range flaky.workers {
				if len(w.late.conditions) > 0 {
					t.Errorf("%d are late", len(w.late.conditions))
				}
			}
			time.Sleep(time.Hour) // until no poll is due because of a trap
		})
	}
}

// What cannot be stored for long is dropped, and its number is bounded.
func TestLateTrapsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, book := newListener(t, &Configuration{
			Settings: Settings{Rate: 1e6, Allow: []string{"0.0.0.0/0"}},
			Rules:    []traps.Settings{{Alert: "Down", On: linkDown.String(), Expires: expires(t, "1h"), Key: keyObjects[:1]}},
		})
		s := nowhere(t)
		book.fails = errors.New("the cluster does not answer")
		for i := range 3 * maxLate {
			give(l, s, "192.0.2.1:9", message(snmp.TrapV2, int32(i), uint32(i), snmp.VarBind{Name: snmp.MustParseOID(keyObjects[0] + ".0"), Type: snmp.Integer, Value: []byte{byte(i >> 16), byte(i >> 8), byte(i)}}))
		}
		late := 0
		for _, w := range l.workers {
			late += len(w.late.conditions)
		}
		if late == 0 || late > maxLate {
			t.Errorf("%d are late", late)
		}
		time.Sleep(lateTime + lateInterval)
		book.fails = nil
		give(l, s, "192.0.2.1:9")
		if len(book.active) > 0 {
			t.Errorf("%d are stored after a long time", len(book.active))
		}
		time.Sleep(time.Hour)
	})
}
