package rules

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	shardplan "trapline/internal/cluster/plan"
	"trapline/internal/ledger"
	"trapline/internal/ledger/ledgertest"
	"trapline/internal/outbox"
	"trapline/internal/poller"
)

// takenStore has alerts of shards, and stores nothing.
type takenStore struct{ AlertStore }

func (*takenStore) apply([]outbox.Transition, []change, []look, time.Time) error { return nil }
func (*takenStore) markAlive(_, _ time.Time) error                               { return nil }

// A member that has most targets takes 200 of the 1,024 shards, with an alert of each target, and drops them. The time of a shard does not
// grow with the number of all targets; cpu-ms/op is without the configurations that follow.
func BenchmarkTakeover(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 40_000} {
		b.Run(fmt.Sprint("targets=", n), func(b *testing.B) {
			s := &takenStore{}
			records := &ledgertest.Memory{}
			s.Store = records
			set := parse(b, `groups: [{name: g, rules: [{alert: High, expr: load > 50}]}]`)
			var kept, all []*poller.Target
			taken := map[string]bool{}
			for i := range 200 {
				taken[shardplan.Name("", i)] = true
			}
			of := func(target string) string {
				if target == "" {
					return shardplan.Global
				}
				return shardplan.Of("", target)
			}
			for i := range n {
				one := target(fmt.Sprint("device-", i))
				all = append(all, one)
				shard := of(one.Name)
				if !taken[shard] {
					kept = append(kept, one)
				}
				text := fmt.Sprintf(`{"id":"a%[1]d","rule":"High","labels":{"alertname":"High","target":"device-%[1]d"},"sample":{"target":"device-%[1]d"},"value":"60","firing":true,"active_at":"2026-01-01T00:00:00Z","fired_at":"2026-01-01T00:00:00Z"}`, i)
				if err := records.Commit(b.Context(), []ledger.Write{{Shard: shard, Key: ledger.Alert + fmt.Sprint("a", i), Value: []byte(text)}}); err != nil {
					b.Fatal(err)
				}
			}
			e, err := New(Options{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), ShardOf: of, Agreed: func() time.Duration { return 0 }})
			if err != nil {
				b.Fatal(err)
			}
			e.alertStore = s
			elsewhere := func(string) bool { return true }
			e.Configure(Configuration{Set: set, Targets: kept, All: all, Elsewhere: elsewhere})
			var took time.Duration
			for b.Loop() {
				took -= processTime()
				for shard := range taken {
					if err := e.Take(b.Context(), shard, time.Now()); err != nil {
						b.Fatal(err)
					}
				}
				took += processTime()
				e.Configure(Configuration{Set: set, Targets: all, All: all, Elsewhere: elsewhere})
				took -= processTime()
				for shard := range taken {
					e.Drop(shard)
				}
				took += processTime()
				e.Configure(Configuration{Set: set, Targets: kept, All: all, Elsewhere: elsewhere})
			}
			b.ReportMetric(took.Seconds()*1000/float64(b.N), "cpu-ms/op")
		})
	}
}
