package topology

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever fails, answers and is configured: each device that waits for another one is found by that one's poll, and
// nobody waits for one that was polled since.
func TestWaitingDevicesAreFound(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 5))
		graph := func() (list []Device) {
			for i := range 8 {
				d := Device{Name: fmt.Sprint(i), Interval: time.Minute, Budget: time.Second}
				for range random.IntN(3) {
					d.Parents = append(d.Parents, fmt.Sprint(random.IntN(9))) // itself, rings and unknown ones too
				}
				list = append(list, d)
			}
			return list[:4+random.IntN(5)]
		}
		tr, now := NewTracker(), time.Now()
		for range 200 {
			now = now.Add(time.Second)
			if random.IntN(20) == 0 {
				s := &Settings{}
				if random.IntN(2) == 0 {
					s.Roots = []string{"0", "9"}
				}
				if err := tr.Configure(s, graph()); err != nil {
					t.Fatal(err)
				}
			}
			p := Poll{Device: fmt.Sprint(random.IntN(8)), Began: now.Add(-time.Duration(random.IntN(3)) * time.Second), Up: random.IntN(2) == 0}
			tr.Ended(p, now)
			for name, d := range tr.devices {
				for awaited := range d.awaited {
					if !tr.waiting[awaited][name] {
						t.Fatalf("seed %d: the poll of %s does not find %s", seed, awaited, name)
					}
				}
				if tr.known[p.Device].Name != "" && d.awaited[p.Device] && !p.Began.Before(d.failed) {
					t.Fatalf("seed %d: %s waits for %s, which was polled", seed, name, p.Device)
				}
			}
			if random.IntN(4) == 0 {
				tr.Outages(map[string]bool{fmt.Sprint(random.IntN(9)): true}, now)
			}
		}
	}
}
