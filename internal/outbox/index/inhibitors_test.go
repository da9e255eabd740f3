package index

import (
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
