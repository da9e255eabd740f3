package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/mute"
	"trapline/internal/outbox/shards"
)

// An alarm of one shard is inhibited by one of another: whenever the process takes or loses that shard and knows something else about it than
// before, the alarm is to be looked at again.
func TestAlarmsOfShardsThatMove(t *testing.T) {
	rules, err := cause.ParseRules([]cause.RuleSettings{{SourceMatchers: []string{`alertname="Down"`}, TargetMatchers: []string{`alertname="Hot"`}}})
	if err != nil {
		t.Fatal(err)
	}
	state := func(rule, shard string) *alarm.State {
		return &alarm.State{ID: rule, Conditions: []alarm.Condition{{Source: rule, Alarm: alarm.Alarm{Rule: rule, Shard: shard}}}}
	}
	down := state("Down", "1")
	for _, one := range []struct {
		name          string
		known, active bool // by the engine, and by the process that has the shard
	}{{"both", true, true}, {"a record that is late", false, true}, {"a record that is over", true, false}, {"none", false, false}} {
		set := shards.New(&shards.Cluster{Of: func(string) string { return "2" }})
		x := New(set)
		x.Inhibit(rules, mute.NewSet(nil, nil))
		set.Add("2")
		x.Put("hot", state("Hot", "2"))
		if one.known {
			x.PutInhibitors([]shards.Inhibitor{{Shard: "1", Key: "down", State: down}})
		}
		check := func(when string, touched []string, inhibited bool) {
			t.Helper()
			if one.known != one.active && !slices.Equal(touched, []string{"hot"}) {
				t.Errorf("%s, %s: touched %q", one.name, when, touched)
			}
			if _, is := x.Causes.Inhibited("Hot"); is != inhibited {
				t.Errorf("%s, %s: inhibited: %t", one.name, when, is)
			}
		}
		set.Add("1")
		alarms := map[string]*alarm.State{}
		if one.active {
			alarms["down"] = down
		}
		check("taken", x.Adopt("1", alarms), one.active)
		u := x.Unshared()
		if differs := one.known != one.active; (len(u.Changes) > 0) != differs || differs && (u.Changes[0].State != nil) != one.active {
			t.Errorf("%s: %v is to be shared", one.name, u.Changes)
		}
		check("lost", x.Forget("1", set.Remove("1")), one.known)
	}
}

// Records of an alarm may lie in two shards for a while, come in any order, and be of shards that the process takes and loses: an alarm is
// inhibited as long as somebody has one that inhibits it, and is looked at again whenever that changes.
func TestRecordsOfAlarmsThatMove(t *testing.T) {
	rules, err := cause.ParseRules([]cause.RuleSettings{{SourceMatchers: []string{`alertname="Down"`}, TargetMatchers: []string{`alertname="Hot"`}, Equal: []string{"n"}}})
	if err != nil {
		t.Fatal(err)
	}
	state := func(rule, n, shard string) *alarm.State {
		return &alarm.State{ID: rule + n, Conditions: []alarm.Condition{{Source: rule + n, Alarm: alarm.Alarm{Rule: rule, Shard: shard, Labels: map[string]string{"n": n}}}}}
	}
	const alarms, others = 3, 4
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		set := shards.New(&shards.Cluster{})
		x := New(set)
		x.Inhibit(rules, mute.NewSet(nil, nil))
		set.Add("own")
		muted, known := map[string]bool{}, map[[2]string]bool{}
		for n := range alarms {
			x.Put(fmt.Sprint("Hot", n), state("Hot", fmt.Sprint(n), "own"))
		}
		look := func(keys []string) {
			for _, key := range keys {
				_, muted[key] = x.Causes.Inhibited(key)
			}
		}
		for range 40 {
			shard, n := fmt.Sprint("s", random.IntN(others)), fmt.Sprint(random.IntN(alarms))
			switch own := set.Owns(shard); {
			case random.IntN(3) == 0: // the engine has other records
				var list []shards.Inhibitor
				for range 1 + random.IntN(4) {
					i := shards.Inhibitor{Shard: fmt.Sprint("s", random.IntN(others)), Key: fmt.Sprint("Down", random.IntN(alarms))}
					if known[[2]string{i.Shard, i.Key}] = random.IntN(2) == 0; known[[2]string{i.Shard, i.Key}] {
						i.State = state("Down", i.Key[4:], i.Shard)
					}
					list = append(list, i)
				}
				c := x.Causes.Changing()
				for id, s := range x.Others(list) {
					c.Put(id, "", s)
				}
				touched := c.Touched(none)
				x.PutInhibitors(list)
				look(touched)
			case !own:
				set.Add(shard)
				taken := map[string]*alarm.State{}
				if random.IntN(2) == 0 && x.Active["Down"+n] == nil {
					taken["Down"+n] = state("Down", n, shard)
				}
				look(x.Adopt(shard, taken))
			case random.IntN(2) == 0:
				look(x.Forget(shard, set.Remove(shard)))
			case x.Active["Down"+n] != nil:
				look(x.Remove([]string{"Down" + n}))
			}
			for n := range alarms {
				hot, down := fmt.Sprint("Hot", n), fmt.Sprint("Down", n)
				want := x.Active[down] != nil
				for at, is := range known {
					want = want || is && at[1] == down && !set.Owns(at[0])
				}
				if _, is := x.Causes.Inhibited(hot); is != want || muted[hot] != want {
					t.Fatalf("seed %d: %s is inhibited: %t, was looked at as such: %t, want %t", seed, hot, is, muted[hot], want)
				}
			}
		}
	}
}

// The record of an alarm is as the alarm is, once the rules have changed, whatever they compared before; and there is none that is written
// again and again.
func TestRecordsOfAlarmsThatChange(t *testing.T) {
	parse := func(source string) []cause.Rule {
		rules, err := cause.ParseRules([]cause.RuleSettings{{SourceMatchers: []string{source}, TargetMatchers: []string{`alertname="Hot"`}}})
		if err != nil {
			t.Fatal(err)
		}
		return rules
	}
	set := shards.New(&shards.Cluster{})
	set.Add("1")
	x := New(set)
	x.Inhibit(parse(`alertname="Down"`), mute.NewSet(nil, nil))
	put := func(severity alarm.Severity) {
		x.Put("down", &alarm.State{ID: "down\xff", Conditions: []alarm.Condition{{Source: "d", Alarm: alarm.Alarm{Rule: "Down", Shard: "1", Severity: severity, Labels: map[string]string{"l": "\xff\xff"}}}}})
	}
	share := func(want int) {
		t.Helper()
		u := x.Unshared()
		if len(u.Changes) != want {
			t.Errorf("%d records change, want %d", len(u.Changes), want)
		}
		var read []shards.Inhibitor
		for i := range u.Changes {
			w, err := u.Changes[i].Write()
			one, _ := shards.ReadInhibitor(&w)
			if err != nil {
				t.Error(err)
			}
			read = append(read, one)
		}
		x.Shared(&u)
		x.PutInhibitors(read)
	}
	put(alarm.Critical)
	share(1)
	share(0)
	put(alarm.Minor)
	x.Inhibit(parse(`severity="minor"`), mute.NewSet(nil, nil))
	share(1)
	share(0)
}
