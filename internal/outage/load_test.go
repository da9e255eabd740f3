package outage

import (
	"fmt"
	"os"
	"testing"
	"time"

	"trapline/internal/topology"
)

// While all devices answer, members send each other a few octets every some seconds. When thousands are down, the octets are bounded,
// and once that is known there are no more of them.
func TestLoadOfManyDevices(t *testing.T) {
	count := 2_000
	if os.Getenv("TRAPLINE_SOAK") != "" {
		count = 10_000
	}
	play(t, 1, func(s *site) {
		s.still = true
		for i := range count {
			d := topology.Device{Name: fmt.Sprintf("access-%05d", i), Interval: interval, Budget: budget}
			if i > 0 {
				d.Parents = []string{fmt.Sprintf("access-%05d", (i-1)/100)}
			}
			s.devices = append(s.devices, d)
		}
	}, func(s *site) {
		members := s.members
		polls := func(up bool) {
			for i := range s.devices {
				name := s.devices[i].Name
				m := members[s.owner[shardOf(name)]]
				if m.tracker.Ended(topology.Poll{Device: name, Began: time.Now(), Up: up}, time.Now()); i%200 == 199 { // as many as end at the same time
					m.update(false)
					s.sleep(time.Second)
				}
			}
			s.mu.Lock()
			for _, d := range s.devices {
				if delete(s.alerts, d.Name); !up {
					s.alerts[d.Name] = time.Now()
				}
			}
			s.mu.Unlock()
			s.sleep(time.Minute)
		}
		sent := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			octets := s.octets
			s.octets = 0
			return octets
		}
		s.sleep(time.Minute)
		polls(true)
		first := sent()
		polls(true)
		quiet := sent()
		begun := time.Now()
		polls(false)
		down := sent()
		for _, m := range members {
			if len(m.outages.Of) < count-1 {
				t.Errorf("%s knows of %d outages", m.name, len(m.outages.Of))
			}
		}
		polls(false)
		asked := sent()
		polls(false)
		still := sent()
		t.Logf("%d members, octets: %d of the first polls, %d while all answer, %d as %d devices fail within %v, %d as those that were asked fail once more, %d while they are down",
			len(members), first, quiet, down, count, time.Since(begun)/3, asked, still)
		if quiet > 20_000 || still > 20_000 || down > 400*count*len(members) {
			t.Error("more octets than there should be")
		}
	})
}
