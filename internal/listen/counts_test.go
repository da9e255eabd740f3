package listen

import (
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
	"trapline/internal/traps"
)

// Whenever rules look at a count, the sample before a rise is not older than heldTime, and all samples together rise by as
// many notifications as came: none twice, none before rules began to look.
func TestRisesOfCountsHaveABegin(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		c, now := newCounts(), time.Duration(0)
		for range random.IntN(5) {
			c.add("core-1", "linkDown")
		}
		c.settle()
		begin := -1.0
		last, at, count := 0.0, now, 0.0
		if len(c.of) > 0 {
			last = float64(c.of["core-1"]["linkDown"].Load())
		}
		begin, count = last, last
		look := func() (held bool) {
			column, held := c.column("core-1", now)
			if column == nil {
				return false
			}
			if v := column.Values[0]; v < last || v > last && now-at >= heldTime {
				t.Fatalf("seed %d: from %v at %v to %v at %v", seed, last, at, v, now)
			}
			last, at = column.Values[0], now
			return held
		}
		at = -heldTime // nothing was looked at
		for range 50 {
			now += time.Duration(random.Int64N(int64(40 * time.Second)))
			switch random.IntN(3) {
			case 0:
				look() // a poll
			default:
				c.add("core-1", "linkDown")
				count++
				for look() {
					now += time.Millisecond
				}
			}
		}
		for look() {
			now += time.Millisecond
		}
		if last-begin != count-begin {
			t.Fatalf("seed %d: rules see a rise by %v, and %v came", seed, last-begin, count-begin)
		}
	}
}

// Polls have the counts of their target only if rules look at them.
func TestPollsHaveCounts(t *testing.T) {
	c := &Configuration{Targets: []traps.Target{{Name: "core-1", Address: "192.0.2.1"}}}
	l, _ := newListener(t, c)
	r := poller.Report{Target: &poller.Target{Name: "core-1"}, Health: &series.Set{}}
	give(l, nowhere(t), "192.0.2.1:1", message(snmp.TrapV2, 1, 1))
	if got, held := l.Counted(r); len(got.Health.Columns) != 0 || held {
		t.Error("rules that do not look at counts are shown some")
	}
	c.Judged = true
	if err := l.Configure(c); err != nil {
		t.Fatal(err)
	}
	give(l, nowhere(t), "192.0.2.1:1", message(snmp.TrapV2, 1, 1))
	got, _ := l.Counted(r)
	if len(got.Health.Columns) != 1 || string(got.Health.Columns[0].Table.Row(0)) != `trap="1.3.6.1.6.3.1.1.5.3"` || got.Health.Columns[0].Desc.Name != poller.TrapsTotal || len(r.Health.Columns) != 0 {
		t.Errorf("%+v", got.Health)
	}
}
