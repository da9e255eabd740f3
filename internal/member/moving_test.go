package member

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"trapline/internal/client"
	"trapline/internal/cluster"
	"trapline/internal/cluster/plan"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
)

// Of random changes of the configuration, exactly the targets wait that have another shard than before, and the shards are looked at that
// they had, and those of targets that have another name.
func TestTargetsThatMoveWait(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		m := &Member{options: Options{Settings: &cluster.Settings{}}, owned: map[string]bool{}}
		zones, names := map[int]string{}, map[int]string{}
		for i := range 20 {
			names[i] = fmt.Sprint("t", i)
		}
		configuration := func() *runtimeconfig.Config {
			w := &runtimeconfig.Config{}
			for i, name := range names {
				w.Targets = append(w.Targets, &poller.Target{Name: name, Zone: zones[i], Spec: client.Spec{Address: fmt.Sprint("192.0.2.", i)}})
			}
			return w
		}
		w := configuration()
		m.options.Running = func() *runtimeconfig.Config { return w }
		m.Share(w)
		if len(m.moving.held)+len(m.moving.strays) > 0 {
			t.Fatalf("at the start %v wait, and %v are looked at", m.moving.held, m.moving.strays)
		}
		shard := func(i int) string { return plan.Of(zones[i], names[i]) }
		before, were := map[int]string{}, maps.Clone(names)
		for i := range names {
			before[i] = shard(i)
		}
		held, strays := map[string]bool{}, map[string]bool{}
		for i := range names {
			switch random.IntN(6) {
			case 0:
				zones[i] = "berlin"
				held[names[i]], strays[before[i]] = true, true
			case 1:
				names[i] = "new-" + were[i]
				strays[before[i]] = true
			case 2:
				delete(names, i)
			}
		}
		w = configuration()
		for i := range names {
			m.owned[shard(i)] = true
		}
		mine, polled, _ := m.Share(w)
		if got := slices.Sorted(maps.Keys(m.moving.held)); !slices.Equal(got, slices.Sorted(maps.Keys(held))) {
			t.Errorf("%v wait, want %v", got, held)
		}
		if got := slices.Sorted(maps.Keys(m.moving.strays)); !slices.Equal(got, slices.Sorted(maps.Keys(strays))) {
			t.Errorf("%v are looked at, want %v", got, strays)
		}
		if len(polled) != len(names) || len(mine) != len(names)-len(held) {
			t.Errorf("%d targets are polled, and the rules of %d evaluated; %d have moved, of %d", len(polled), len(mine), len(held), len(names))
		}
		for target := range held {
			if !m.Holds(target) {
				t.Errorf("others may raise alarms of %s", target)
			}
			m.moving.taken(m.shardOf(target), false, []string{target}, &elsewhere{}, time.Now())
			if m.Holds(target) {
				t.Errorf("%s waits for nothing", target)
			}
		}
	}
}
