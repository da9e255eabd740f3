package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// Rules over several targets see all of them, whoever polls them, and change nothing while they see only a part: a shard has
// no owner, a member does not answer, or a target that was taken over was not polled yet.
func TestGlobalRulesSeeAllTargetsOrNone(t *testing.T) {
	s := startSite(t, 3, `{alert: Few, expr: count(v) < 3}, {alert: None, expr: absent(w)}, {alert: Sum, expr: sum(v) > 100}`, "sw1", "sw2", "sw3")
	a, b, c := s.members[0], s.members[1], s.members[2]
	poll := func(values ...int) {
		t.Helper()
		s.now = s.now.Add(pollTime)
		for i, v := range values {
			s.poll(s.targets[i].Name, nil, fmt.Sprintf("v %d", v), "w 1")
		}
		s.judge()
	}
	a.take(globalShard, time.Time{})
	poll(1, 1, 1)
	s.want("no shard has an owner", "")
	a.take(shardOf("sw1"), time.Time{})
	b.take(shardOf("sw2"), time.Time{})
	poll(1, 1, 1)
	s.want("one shard has none", "")
	if held := a.e.HeldRounds(); len(held) != 1 || held[0].Reason != "target sw3 has no owner that has polled it" {
		t.Errorf("held: %v", held)
	}
	c.take(shardOf("sw3"), time.Time{})
	s.now = s.now.Add(pollTime)
	s.judge()
	s.want("it has one that has not polled it", "")
	poll(1, 1, 1)
	s.want("all is well", "")
	poll(60, 60, 1)
	s.want("the sum", "raise Sum")
	b.silent = true
	poll(1, 1, 1)
	s.want("a member does not answer", "")
	if held := a.e.HeldRounds(); len(held) != 1 || held[0].Reason != "member B does not answer" {
		t.Errorf("held: %v", held)
	}
	b.silent = false
	poll(1, 1, 1)
	s.want("it answers again", "clear Sum")
	b.drop(shardOf("sw2"), true)
	poll(1, 1, 1)
	s.want("a member lost a shard", "")
	a.take(shardOf("sw2"), s.now)
	s.now = s.now.Add(pollTime)
	s.judge()
	s.want("it was taken over", "")
	poll(1, 1, 1)
	s.want("and polled", "")
	s.now = s.now.Add(pollTime)
	s.poll("sw1", nil, "v 1", "w 1")
	s.poll("sw2", nil, "v 1", "w 1")
	s.poll("sw3", nil, "w 1")
	s.judge()
	s.want("a series has ended elsewhere", "raise Few")
	a.drop(globalShard, false)
	c.take(globalShard, s.now)
	poll(1, 1, 1)
	s.want("the next owner of the global shard", "clear Few")
	if held := a.e.HeldRounds(); len(held) != 0 {
		t.Errorf("held by who does not evaluate them: %v", held)
	}
	c.drop(globalShard, false)
	a.take(globalShard, s.now)
	poll(1, 1, 1)
	s.want("and back", "")
}

// Rules over several targets that a member has loaded before the others see all targets or none: they wait for its own files,
// and for its first poll of each target with these.
func TestGlobalRulesWaitForTheRulesOfOthers(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := startSite(t, 3, `{alert: Old, expr: count(v) < 3}`, "sw1", "sw2", "sw3")
		next := parse(t, "groups: [{name: g, interval: 30s, rules: [{alert: Old, expr: count(v) < 3}, {alert: New, expr: count(w) < 3}, {alert: None, expr: absent(x)}]}]")
		s.members[rng.IntN(3)].take(globalShard, time.Time{})
		for i, p := range s.members {
			p.take(shardOf(s.targets[i].Name), time.Time{})
		}
		left, polled := rng.Perm(3), map[int]time.Time{}
		for range 60 {
			s.now = s.now.Add(time.Duration(1+rng.IntN(20)) * time.Second)
			if len(left) > 0 && rng.IntN(8) == 0 {
				p := s.members[left[0]]
				p.set, left = next, left[1:]
				p.configure()
			}
			for i := range 3 {
				if rng.IntN(6) == 0 || s.now.Sub(polled[i]) > pollTime {
					s.poll(s.targets[i].Name, nil, "v 1", "w 1", "x 1")
					polled[i] = s.now
				}
			}
			s.judge()
			s.want(fmt.Sprintf("seed %d at %s", seed, s.now.Format(time.TimeOnly)), "")
		}
		for range 3 {
			s.now = s.now.Add(pollTime)
			for i := range 3 {
				rows := []string{"v 1", "w 1", "x 1"}
				if i == 0 {
					rows = []string{"v 1", "x 1"}
				}
				s.poll(s.targets[i].Name, nil, rows...)
			}
			s.judge()
		}
		if len(left) == 0 {
			s.want("all members have the rules, and all targets were polled", "raise New")
			continue
		}
		s.want("some members have other rules", "")
	}
}

// A member that polls nothing holds no rules, whatever its files have: it may be a witness.
func TestGlobalRulesDoNotWaitForTheRulesOfAWitness(t *testing.T) {
	s := startSite(t, 2, `{alert: Few, expr: count(v) < 2}`, "sw1")
	a, witness := s.members[0], s.members[1]
	witness.set = parse(t, "groups: []")
	witness.configure()
	a.take(globalShard, time.Time{})
	a.take(shardOf("sw1"), time.Time{})
	poll := func() {
		s.now = s.now.Add(pollTime)
		s.poll("sw1", nil, "v 1")
		s.judge()
	}
	poll()
	poll()
	s.want("a witness has no rules", "raise Few")
	a.drop(shardOf("sw1"), false)
	witness.take(shardOf("sw1"), s.now)
	poll()
	if held := a.e.HeldRounds(); len(held) != 1 {
		t.Errorf("held while a member polls that has no rules: %v", held)
	}
}

// Rules that do not look at a paused target do not wait for its poll, whoever took it over meanwhile.
func TestGlobalRulesDoNotWaitForPausedTargets(t *testing.T) {
	s := startSite(t, 2, `{alert: Sum, expr: 'sum(v{target!="sw2"}) > 10'}, {alert: Few, expr: count(v) < 2}`, "sw1", "sw2")
	a, b := s.members[0], s.members[1]
	a.take(globalShard, time.Time{})
	a.take(shardOf("sw1"), time.Time{})
	s.paused = "sw2"
	b.take(shardOf("sw2"), time.Time{})
	poll := func(names ...string) {
		s.now = s.now.Add(pollTime)
		for _, name := range names {
			s.poll(name, nil, "v 20")
		}
		s.judge()
	}
	poll("sw1")
	poll("sw1")
	s.want("sw2 is paused", "raise Sum")
	s.paused = ""
	poll("sw1")
	if held := a.e.HeldRounds(); len(held) != 1 || held[0].Reason != "target sw2 has no owner that has polled it" {
		t.Errorf("held after the pause: %v", held)
	}
	poll("sw1", "sw2")
	s.want("sw2 is polled", "")
}

// Whatever moves, the owner of the global shard selects in a round that is whole the rows that one store of all targets has.
func TestGatheredSamplesAreThoseOfAllTargets(t *testing.T) {
	whole, rows := 0, 0
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 21))
		names := []string{"sw1", "sw2", "sw3", "sw4"}
		s := startSite(t, 3, `{alert: A, expr: sum(v) > 1e9}, {alert: P, expr: v > 60}, {alert: B, expr: 'count(ALERTS{alertname="P"}) > 1e9'}`, names...)
		for i, p := range s.members {
			p.skew = time.Duration(i-1) * 3 * time.Second
		}
		want := map[string]string{} // by target
		free := append([]string{globalShard}, shardOf("sw1"), shardOf("sw2"), shardOf("sw3"), shardOf("sw4"))
		for range 120 {
			s.now = s.now.Add(pollTime / 2)
			for i := 0; i < len(free); i++ {
				if rng.IntN(3) > 0 {
					s.members[rng.IntN(3)].take(free[i], s.now)
					free = append(free[:i], free[i+1:]...)
					i--
				}
			}
			if shard := append([]string{globalShard}, shardOf(names[rng.IntN(4)]))[rng.IntN(2)]; s.owner[shard] != nil && rng.IntN(5) == 0 {
				s.owner[shard].drop(shard, rng.IntN(2) == 0)
				free = append(free, shard)
				if rng.IntN(2) == 0 {
					s.members[rng.IntN(3)].take(shard, s.now)
					free = free[:len(free)-1]
				}
			}
			s.now = s.now.Add(time.Second)
			for _, name := range names {
				if s.owner[shardOf(name)] == nil || rng.IntN(3) == 0 {
					continue
				}
				var list []string
				for i := range 1 + rng.IntN(3) {
					list = append(list, fmt.Sprintf("v{i=\"%d\"} %d", i, rng.IntN(100)))
				}
				want[name] = strings.Join(list, "\n")
				s.poll(name, nil, list...)
			}
			s.now = s.now.Add(2 * time.Second)
			owner := s.owner[globalShard]
			if owner == nil {
				continue
			}
			at, ok := owner.e.gather(t.Context(), owner.set.Groups[0], owner.e.now())
			if !ok {
				continue
			}
			whole++
			engine := owner.e.queryEngine.Load()
			found, err := QueryFunc(engine.engine, engine.store.samples)(t.Context(), "v", at)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				rows += strings.Count(want[name], "v{")
				if got := rowsOf(found, name); got != want[name] {
					t.Fatalf("seed %d at %s, %s by %s, rules by %s: selected\n%s\nwant\n%s", seed, s.now.Format(time.TimeOnly), name, s.owner[shardOf(name)].name, owner.name, got, want[name])
				}
			}
			s.events()
		}
	}
	if whole < 100 || rows < 1000 {
		t.Errorf("%d rounds, %d rows: that proves little", whole, rows)
	}
}

func rowsOf(v promql.Vector, target string) string {
	var list [3]string
	n := 0
	for _, s := range v {
		if i := s.Metric.Get("i"); s.Metric.Get("target") == target {
			list[i[0]-'0'] = fmt.Sprintf("v{i=%q} %g", i, s.F)
			n++
		}
	}
	return strings.Join(list[:n], "\n")
}
