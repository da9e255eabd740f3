package rules

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"trapline/internal/alarm"
)

// The alarms of rules over several targets have the same address, instance, values of OBJECTS and texts in a cluster as in one process that
// polls all targets: when they are raised, and when they are cleared.
func TestAlarmsHaveTheRowsOfOtherMembers(t *testing.T) {
	const text = `{alert: Top, expr: 'topk(3, v) > 50', annotations: {trap_notification: "IF-MIB::linkDown", trap_varbinds: "ifAlias = x", summary: "{{ $labels.__oid__ }}"}},
		{alert: Part, expr: 'hw_state > on () group_left () (0.7 * max(hw_state))'}, {alert: Sum, expr: 'sum(v) > 150', labels: {target: all}}, {alert: Worst, expr: 'max by (target) (v) > on () group_left () (0.8 * max(v))'}`
	names := []string{"sw1", "sw2", "sw3", "sw4"}
	described := 0
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 5))
		s, one := startSite(t, 3, text, names...), startSite(t, 1, text, names...)
		for _, shard := range append([]string{""}, names...) {
			s.members[rng.IntN(3)].take(shardOf(shard), time.Time{})
			one.members[0].take(shardOf(shard), time.Time{})
		}
		for round := range 18 {
			most := min(max(0, round-5), 1) // rules wait for the first polls
			for _, each := range []*site{s, one} {
				each.now = each.now.Add(pollTime - time.Second)
			}
			for _, name := range names {
				var rows []string
				for i := range 1 + rng.IntN(2) {
					state := fmt.Sprintf(`hw_name="%s-%d",ifIndex="%d"`, name, i, i)
					rows = append(rows, fmt.Sprintf(`v{ifIndex="%d"} %v`, i, float64(100*most)*rng.Float64()), fmt.Sprintf(`ifAdminStatus{ifIndex="%d"} %d`, i, 1+rng.IntN(2)), fmt.Sprintf(`hw_state{%s} %d`, state, most*rng.IntN(4)), fmt.Sprintf(`hraw{%s} %d`, state, rng.IntN(9)))
				}
				s.poll(name, nil, rows...)
				one.poll(name, nil, rows...)
			}
			for _, each := range []*site{s, one} {
				each.now = each.now.Add(time.Second)
				each.judge()
				slices.SortStableFunc(each.alarms, func(a, b alarm.Alarm) int { return cmp.Compare(a.ID, b.ID) })
			}
			if !reflect.DeepEqual(s.alarms, one.alarms) {
				t.Fatalf("seed %d, round %d:\n%+v\nwant\n%+v", seed, round, s.alarms, one.alarms)
			}
			for _, a := range s.alarms {
				if a.Variable != "" && len(a.VarBinds) > 0 && a.Address.IsValid() {
					described++
				}
			}
			s.alarms, one.alarms = nil, nil
		}
	}
	if described < 50 {
		t.Errorf("%d alarms have an instance, values and an address", described)
	}
}
