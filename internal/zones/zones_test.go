package zones

import (
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/outbox"
	"trapline/internal/ownalarm"
)

// In random histories of zones, of the process that reports them, and of a storage that fails at times: the alarm of a zone is
// active exactly while it has been without a member for the grace, once this process has reported again.
func TestAlarmsFollowTheZones(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		active, zones, here, fails := map[string]string{}, map[string]int{}, true, false
		a := New(func() (map[string]int, bool) { return maps.Clone(zones), here }, func() string { return "" },
			func(all []outbox.Transition, _ time.Time) error {
				if fails {
					return errors.New("disk full")
				}
				for _, x := range all {
					if delete(active, x.Alarm.Labels["zone"]); x.Active {
						active[x.Alarm.Labels["zone"]] = x.Alarm.Value
					}
				}
				return nil
			}, slog.New(slog.DiscardHandler))
		now := time.Unix(1e9, 0)
		step := func(d time.Duration) {
			for range d / ownalarm.Every {
				now = now.Add(ownalarm.Every)
				a.update(now)
			}
		}
		for range 40 {
			zone := string(rune('a' + random.IntN(3)))
			switch random.IntN(6) {
			case 0:
				delete(zones, zone)
			case 1, 2:
				zones[zone] = 0
			case 3:
				zones[zone] = 1 + random.IntN(2)
			case 4:
				here = !here
			case 5:
				fails = !fails
			}
			step(time.Duration(random.IntN(40)) * time.Second)
		}
		before := len(active)
		if here = false; true {
			step(time.Minute)
		}
		if len(active) != before {
			t.Fatalf("seed %d: a process that does not report has changed alarms", seed)
		}
		here, fails = true, false
		known := maps.Clone(active)
		step(grace + 2*ownalarm.Every)
		for zone, targets := range zones {
			if _, is := active[zone]; is != (targets > 0) {
				t.Errorf("seed %d: zone %s with %d targets that nobody polls: alarm %v", seed, zone, targets, is)
			}
		}
		for zone := range active {
			if _, there := zones[zone]; !there && known[zone] == "" {
				t.Errorf("seed %d: an alarm about %s, which has no targets", seed, zone)
			}
		}
	}
}
