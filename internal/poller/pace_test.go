package poller

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/client"
	"trapline/internal/snmp"
)

// span is when a poll began and ended.
type span struct{ begin, end time.Time }

// durations are how long polls last whose deadline is their interval.
var durations = map[string]func(r *rand.Rand, interval time.Duration) time.Duration{
	"silent to the deadline": func(_ *rand.Rand, interval time.Duration) time.Duration { return interval },
	"within the interval": func(r *rand.Rand, interval time.Duration) time.Duration {
		return time.Duration(r.Int64N(int64(interval)))
	},
	"beyond the deadline": func(r *rand.Rand, interval time.Duration) time.Duration {
		return time.Duration(r.Int64N(int64(interval + overrunGrace - time.Second)))
	},
}

// The polls of a target begin every interval or, where one lasts longer, as soon as it ends; none overlaps another.
func TestPollsBeginEveryIntervalOrAsTheFormerEnds(t *testing.T) {
	for name, lasts := range durations {
		for seed := range uint64(15) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := rand.New(rand.NewPCG(seed, 12))
					interval := time.Duration(1+r.IntN(120)) * time.Second
					spans, missed := pollFor(t, 40*interval, target(fmt.Sprint("device", seed), interval), func() time.Duration { return lasts(r, interval) })
					checkPace(t, interval, spans)
					if within := name != "beyond the deadline"; within && (len(spans) < 38 || missed > 0) {
						t.Errorf("%d polls in 40 intervals, %d missed", len(spans), missed)
					}
				})
			})
		}
	}
}

func checkPace(t *testing.T, interval time.Duration, spans []span) {
	t.Helper()
	for i := 1; i < len(spans); i++ {
		former, next := spans[i-1], spans[i].begin
		gap := next.Sub(former.begin)
		latest := former.begin.Add(3 * interval / 2) // the pace is kept, not the distance
		if former.end.After(latest) {
			latest = former.end
		}
		if next.Before(former.end) || next.After(latest) || gap < interval/2 {
			t.Errorf("poll %d begins %v after one of %v, the interval is %v", i, gap, former.end.Sub(former.begin), interval)
		}
		if i > 1 && former.end.Sub(former.begin) == interval && gap != interval {
			t.Errorf("poll %d begins %v after one that lasted the interval of %v", i, gap, interval)
		}
	}
}

// pollFor polls a device, whose polls last so long, for a time. Half of the polls are answered.
func pollFor(t *testing.T, total time.Duration, x *Target, lasts func() time.Duration) (spans []span, missed int64) {
	t.Helper()
	device := session(func(ctx context.Context, yield func(snmp.VarBind)) error {
		begin := time.Now()
		time.Sleep(lasts())
		spans = append(spans, span{begin, time.Now()})
		if len(spans)%2 == 0 {
			return client.OutOfTime(ctx, "walk", "device")
		}
		return answers(ctx, yield)
	})
	pollOne(t, x, Options{}, device, func(p *Poller) {
		time.Sleep(total)
		missed = p.states[x.Name].missed.Load()
	})
	time.Sleep(2*x.Interval + overrunGrace) // the last poll ends, however long after it was canceled
	synctest.Wait()
	return spans, missed
}
