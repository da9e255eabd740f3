package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// siteModel has the alerts of one row as if no shard had moved, but for the time in which nobody had it.
type siteModel struct {
	value int

	hysteresis, plain bool
	pending           time.Time // since when it is true for the rule with `for`
	forFiring         bool
	kept              bool
	untrue            time.Time // since when it is not true for the rule with keep_firing_for

	last    time.Time             // evaluation, or take
	samples map[*peer][]time.Time // of the rule with a window, in each member's store
	values  map[time.Time]int     // of all samples
	resumed time.Time             // first poll after a gap, of the owner
	filling bool
	mean    bool
	judged  time.Time // last evaluation of the rule with the window, or take
}

const lawHold, lawWindow = 2 * time.Minute, 4 * time.Minute

// taken is a take: the gap does not count.
func (m *siteModel) taken(alive, now time.Time) {
	shift := func(t *time.Time) {
		if !t.IsZero() {
			*t = now.Add(-max(0, alive.Sub(*t)))
		}
	}
	if !m.forFiring {
		shift(&m.pending)
	}
	shift(&m.untrue)
	m.last, m.judged, m.resumed, m.filling = now, now, time.Time{}, false
}

// judge is an evaluation by a member. It returns the transitions.
func (m *siteModel) judge(by *peer, now time.Time, v int) (events []string) {
	note := func(rule string, was *bool, is bool) {
		if *was != is {
			word := "clear "
			if is {
				word = "raise "
			}
			events = append(events, word+rule)
		}
		*was = is
	}
	if gap := now.Sub(m.last); gap > 2*pollTime {
		if !m.pending.IsZero() && !m.forFiring {
			m.pending = m.pending.Add(gap - pollTime)
		}
		if !m.untrue.IsZero() {
			m.untrue = m.untrue.Add(gap - pollTime)
		}
	}
	m.last = now
	note("Plain", &m.plain, v > 40)
	note("Hysteresis", &m.hysteresis, v > 40 || v > 30 && m.hysteresis)
	switch {
	case v <= 40:
		m.pending = time.Time{}
		note("For", &m.forFiring, false)
	default:
		if m.pending.IsZero() {
			m.pending = now
		}
		note("For", &m.forFiring, m.forFiring || now.Sub(m.pending) >= lawHold)
	}
	switch {
	case v > 40:
		m.untrue = time.Time{}
		note("Kept", &m.kept, true)
	case m.kept:
		if m.untrue.IsZero() {
			m.untrue = now
		}
		note("Kept", &m.kept, now.Sub(m.untrue) < lawHold)
	}
	m.judgeMean(by, now, v, note)
	return events
}

// judgeMean evaluates the rule with a window, once its window is half full. While it is not full, the alert fires on.
func (m *siteModel) judgeMean(by *peer, now time.Time, v int, note func(string, *bool, bool)) {
	m.samples[by] = append(m.samples[by], now)
	m.values[now] = v
	if gap := now.Sub(m.judged); (gap > 2*pollTime || gap >= lawWindow || m.resumed.IsZero()) && !m.filling {
		m.resumed = now
	}
	count, sum := 0, 0
	for _, at := range m.samples[by] {
		if now.Sub(at) < lawWindow {
			count++
			sum += m.values[at]
		}
	}
	if m.filling = now.Before(m.resumed.Add(lawWindow/2-pollTime)) && time.Duration(count)*pollTime < lawWindow/2; m.filling {
		return
	}
	m.judged = now
	held := m.mean && now.Before(m.resumed.Add(lawWindow+pollTime))
	note("Mean", &m.mean, sum > 40*count || held)
}

// Shards move between members at random moments, released or lost, and the clocks of the members disagree. The transitions of
// all members together are those of one that was never interrupted: no alarm is raised or cleared twice, none is raised or
// cleared falsely, and only the time in which nobody had the shard does not count.
func TestShardsMoveWithoutFalseTransitions(t *testing.T) {
	const rules = `{alert: Plain, expr: v > 40}, {alert: Kept, expr: v > 40, keep_firing_for: 2m}, {alert: For, expr: v > 40, for: 2m},
		{alert: Hysteresis, expr: 'v > 40 or v > 30 and on (target) ALERTS{alertname="Hysteresis", alertstate="firing"}'},
		{alert: Mean, expr: 'avg_over_time(v[4m]) > 40'}`
	raised := 0
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 20))
		f := startSite(t, 3, rules, "sw1", "sw2", "sw3")
		for i, p := range f.members {
			p.skew = time.Duration(i-1) * time.Duration(rng.IntN(5000)) * time.Millisecond
		}
		models, alive := map[string]*siteModel{}, map[string]time.Time{}
		for _, target := range f.targets {
			models[target.Name] = &siteModel{value: 20, samples: map[*peer][]time.Time{}, values: map[time.Time]int{}}
			f.members[0].take(shardOf(target.Name), time.Time{})
			models[target.Name].taken(f.now, f.now)
		}
		free := map[string]*peer{} // last owners of shards that nobody has
		for step := range 300 {
			f.now = f.now.Add(pollTime / 3)
			target := f.targets[step%3].Name
			shard, m := shardOf(target), models[target]
			owner := f.owner[shard]
			switch {
			case owner == nil:
				if next := f.members[rng.IntN(3)]; rng.IntN(3) > 0 {
					next.take(shard, alive[shard].Add(free[shard].skew))
					m.taken(alive[shard], f.now)
				}
			case rng.IntN(12) == 0:
				alive[shard], free[shard] = f.now, owner
				lost := rng.IntN(2) == 0
				if lost {
					alive[shard] = f.now.Add(-time.Duration(rng.IntN(10)) * time.Second)
				}
				owner.drop(shard, lost)
				f.now = f.now.Add(time.Second)
				if rng.IntN(2) == 0 {
					next := f.members[rng.IntN(3)]
					next.take(shard, alive[shard].Add(owner.skew))
					m.taken(alive[shard], f.now)
				}
			}
			if rng.IntN(5) == 0 {
				m.value = []int{20, 35, 50, 60}[rng.IntN(4)]
			}
			owner = f.owner[shard]
			if owner == nil {
				continue
			}
			f.poll(target, nil, fmt.Sprintf("v %d", m.value))
			want := m.judge(owner, f.now, m.value)
			for i := range want {
				want[i] += " " + target
			}
			raised += strings.Count(fmt.Sprint(want), "raise")
			if got := f.events(); sortedLines(got) != sortedLines(strings.Join(want, ", ")) {
				t.Fatalf("seed %d, step %d, by %s at %s: sent %q, want %q", seed, step, owner.name, f.now.Format(time.TimeOnly), got, want)
			}
		}
	}
	if raised < 200 {
		t.Errorf("%d alarms: that proves little", raised)
	}
}
