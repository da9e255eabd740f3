package member

import (
	"fmt"
	"testing"

	"trapline/internal/cluster"
	"trapline/internal/cluster/plan"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
)

// The zone of a target is its key zone, else the label that the cluster names; shards are all of no zone, and those of zones that have targets,
// and their costs the number of their targets. A target that the configuration lacks is without a zone.
func TestZoneOfTargets(t *testing.T) {
	for label, site := range map[string]string{"": "", "site": "ulm"} {
		w := &runtimeconfig.Config{}
		want := map[string]string{"gone": plan.Of("", "gone")}
		for i := range 30 {
			target := &poller.Target{Name: fmt.Sprint("t", i), Labels: map[string]string{}}
			zone := ""
			if i%3 > 0 {
				target.Labels["site"], zone = "ulm", site
			}
			if i%3 > 1 {
				target.Zone, zone = "berlin", "berlin"
			}
			w.Targets = append(w.Targets, target)
			want[target.Name] = plan.Of(zone, target.Name)
		}
		m := &Member{options: Options{Settings: &cluster.Settings{ZoneLabel: label}, Running: func() *runtimeconfig.Config { return w }}}
		for name, shard := range want {
			if got := m.shardOf(name); got != shard {
				t.Errorf("zone_label %q: %s is in shard %s, want %s", label, name, got, shard)
			}
		}
		costs, zones := 0.0, map[string]int{}
		for _, s := range m.count(w).shards {
			costs += s.Cost
			zones[s.Zone]++
		}
		if costs != 30 || zones[""] != plan.Shards+1 || zones["berlin"] != len(shardsOf(w, want, "berlin")) || (zones["ulm"] > 0) != (label != "") {
			t.Errorf("zone_label %q: %v targets, shards by zone %v", label, costs, zones)
		}
		m.owned = map[string]bool{want["t2"]: true}
		mine, _, _ := m.Share(w)
		for _, target := range mine {
			if want[target.Name] != want["t2"] {
				t.Errorf("%s is polled, of shard %s", target.Name, want[target.Name])
			}
		}
		if len(mine) == 0 {
			t.Error("the target of an owned shard is not polled")
		}
	}
}

// shardsOf returns the shards of the targets of a zone.
func shardsOf(w *runtimeconfig.Config, shard map[string]string, zone string) map[string]bool {
	all := map[string]bool{}
	for _, t := range w.Targets {
		if of, _ := plan.Zone(shard[t.Name]); of == zone {
			all[shard[t.Name]] = true
		}
	}
	return all
}

// A label that is another for each target, and was taken for the zone by mistake, makes no more shards than there are targets.
func TestAsManyZonesAsTargets(t *testing.T) {
	w := &runtimeconfig.Config{}
	for i := range 5000 {
		name := fmt.Sprint("t", i)
		w.Targets = append(w.Targets, &poller.Target{Name: name, Labels: map[string]string{"instance": name}})
	}
	m := &Member{options: Options{Settings: &cluster.Settings{ZoneLabel: "instance"}, Running: func() *runtimeconfig.Config { return w }}}
	if n := len(m.count(w).shards); n != plan.Shards+1+len(w.Targets) {
		t.Errorf("%d shards", n)
	}
}
