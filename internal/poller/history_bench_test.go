package poller_test

import (
	"context"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"trapline"
	"trapline/collector"
	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/history"
	"trapline/internal/poller"
	"trapline/internal/snmp"
)

// recorded is a session to a device of internal/agent, without a network.
type recorded struct{ objects []snmp.VarBind }

func (s recorded) Poll(_ context.Context, _ *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	for _, v := range s.objects {
		yield(v)
	}
	return client.Stats{Packets: 48, VarBinds: len(s.objects)}, nil
}

// switchTarget is a switch with 48 ports and some more interfaces, read by the shipped modules; ports is how many it has.
func switchTarget(b *testing.B) (t *poller.Target, open poller.Open) {
	b.Helper()
	file := b.TempDir() + "/snmp.yml"
	if err := os.WriteFile(file, trapline.DefaultConfig, 0o600); err != nil {
		b.Fatal(err)
	}
	c, err := config.Load([]string{file}, config.Options{})
	if err != nil {
		b.Fatal(err)
	}
	t = &poller.Target{Name: "sw-1", Interval: time.Minute}
	for _, name := range []string{"system", "if_mib", "entity_sensor", "hrDevice"} {
		m := collector.Compile(name, c.Compiled[name])
		t.Modules = append(t.Modules, m)
	}
	device := agent.Builtin["switch"](1)
	sessions := map[string]recorded{}
	for _, m := range t.Modules {
		var objects []snmp.VarBind
		for i := range device.Len() {
			v := device.Object(i, 0)
			if slices.ContainsFunc(m.Plan.Walk, func(o snmp.OID) bool { return v.Name.HasPrefix(o) }) {
				objects = append(objects, v)
			}
		}
		sessions[m.Name] = recorded{objects}
	}
	return t, func(client.Spec) (collector.Session, error) { return byPlan{t.Modules, sessions}, nil }
}

// byPlan answers the requests of each module.
type byPlan struct {
	modules  []*collector.Module
	sessions map[string]recorded
}

func (s byPlan) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	for _, m := range s.modules {
		if len(m.Plan.Walk) > 0 && len(p.Walk) > 0 && &m.Plan.Walk[0] == &p.Walk[0] {
			return s.sessions[m.Name].Poll(ctx, p, yield)
		}
	}
	return client.Stats{}, nil
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkHistory compares the memory of rates and histories with that of the polls of the same switches of which they
// are made, conversion alone: the engine's part, which is more, is left out. cpu-% and memory-% are the ratios.
func BenchmarkHistory(b *testing.B) {
	t, open := switchTarget(b)
	o := poller.PassOptions{Open: open, WrapCounters: true, KeepIndexes: true}
	const many = 200
	passes := make([][2]*poller.Pass, many)
	before := heap()
	for i := range passes {
		passes[i][0] = o.Run(b.Context(), t, false)
	}
	polled := (heap() - before) / many
	for i := range passes {
		passes[i][1] = o.Run(b.Context(), t, false)
	}
	keeper := history.NewStore()
	targets := make([]*history.Target, many)
	before = heap()
	for i := range targets {
		targets[i] = keeper.Target()
		targets[i].Answered(&history.Poll{After: passes[i][0].Sets, Steps: 1})
	}
	kept := (heap() - before) / many
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		n, turn := i%many, i/many%2
		targets[n].Answered(&history.Poll{Before: passes[n][turn].Sets, After: passes[n][1-turn].Sets, Elapsed: time.Minute, Comparable: true, Steps: 1})
	}
	each := b.Elapsed().Seconds() / float64(b.N)
	b.StopTimer()
	begin := time.Now()
	for range many {
		o.Run(b.Context(), t, false)
	}
	poll := time.Since(begin).Seconds() / many
	b.ReportMetric(100*each/poll, "cpu-%")
	b.ReportMetric(poll*1e6, "poll-µs")
	b.ReportMetric(100*kept/(polled+kept), "memory-%")
	b.ReportMetric(kept/1000, "history-kB")
	b.ReportMetric(polled/1000, "poll-kB")
}
