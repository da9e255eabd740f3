package outage

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/topology"
)

// Whichever reports and answers are lost, or come late or twice, and whoever owns the shards: in the end the center knows the
// owner of each, and the devices that its alerts say to be down. One that the owner before said stays one until the new owner has
// polled it.
func TestReportsConverge(t *testing.T) {
	for seed := range seeds(150) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			s := &site{t: t, r: r, members: map[string]*member{}, owner: map[string]string{"global": "a"}}
			for i := range 12 {
				d := topology.Device{Name: fmt.Sprint("d", i), Interval: interval, Budget: budget}
				if i > 0 {
					d.Parents = []string{"d0"}
				}
				s.devices = append(s.devices, d)
			}
			names := []string{"a", "b", "c"}
			said := map[string]map[string]bool{}
			for _, name := range names {
				m := &member{site: s, name: name, holder: "a"}
				m.tracker = NewTracker(m, slog.New(slog.DiscardHandler))
				must(t, m.tracker.Configure(&topology.Settings{}, s.devices))
				s.members[name], said[name] = m, map[string]bool{}
			}
			for i := range shards {
				s.owner[fmt.Sprint("s", i)] = names[r.IntN(3)]
			}
			center := s.members["a"].tracker.center
			var late []report
			lost := errors.New("lost")
			exchange := func(m *member, faults bool) {
				m.tracker.Look()
				own := map[string]bool{}
				for name := range said[m.name] {
					if s.owner[shardOf(name)] == m.name {
						own[name] = true
					}
				}
				m.tracker.say(own)
				b := m.tracker.begin("a", true)
				fault := 0
				if faults {
					fault = r.IntN(5)
				}
				switch fault {
				case 1:
					m.tracker.end(b, nil, lost)
				case 2:
					center.answer(&b.report)
					m.tracker.end(b, nil, lost)
				case 3:
					late = append(late, b.report)
					m.tracker.end(b, nil, lost)
				default:
					m.tracker.end(b, center.answer(&b.report), nil)
				}
			}
			for range 60 {
				time.Sleep(time.Second)
				m := s.members[names[r.IntN(3)]]
				name := s.devices[r.IntN(len(s.devices))].Name
				switch owner := s.owner[shardOf(name)]; r.IntN(4) {
				case 0:
					mark(said[owner], name, !said[owner][name])
				case 1:
					if next := names[r.IntN(3)]; next != owner && r.IntN(3) == 0 { // which has its alarms
						for one := range said[owner] {
							if shardOf(one) == shardOf(name) {
								said[next][one] = true
							}
						}
						maps.DeleteFunc(said[owner], func(one string, _ bool) bool { return shardOf(one) == shardOf(name) })
						s.owner[shardOf(name)] = next
					}
				case 2:
					if len(late) > 0 {
						center.answer(&late[r.IntN(len(late))])
					}
				default:
					exchange(m, true)
				}
			}
			for range 3 {
				for _, name := range names {
					exchange(s.members[name], false)
				}
			}
			for i := range late {
				center.answer(&late[i])
			}
			time.Sleep(keptTime + 2*interval)
			exchange(s.members["a"], false)
			want, owner := map[string]bool{}, maps.Clone(s.owner)
			for _, all := range said {
				maps.Copy(want, all)
			}
			if !maps.Equal(center.said, want) || !maps.Equal(center.owner, owner) {
				t.Fatalf("seed %d: the center knows %v of %v, want %v of %v", seed, center.said, center.owner, want, owner)
			}

			// Another member owns a shard, and its rules have evaluated nothing yet.
			name := s.devices[r.IntN(len(s.devices))].Name
			before := s.members[s.owner[shardOf(name)]]
			said[before.name][name] = true
			exchange(before, false)
			next := s.members[names[r.IntN(3)]]
			delete(said[before.name], name)
			s.owner[shardOf(name)] = next.name
			exchange(before, false)
			exchange(next, false)
			if next != before && !center.said[name] {
				t.Fatalf("seed %d: %s, which had %s, said so, and %s has not polled it", seed, before.name, name, next.name)
			}
			next.tracker.Ended(topology.Poll{Device: name, Began: time.Now(), Up: true}, time.Now())
			if exchange(next, false); center.said[name] {
				t.Fatalf("seed %d: %s has polled %s, which answers", seed, next.name, name)
			}
		})
		if t.Failed() {
			return
		}
	}
}
