package member

import (
	"fmt"
	"testing"

	"trapline/internal/runtimeconfig"
)

// dropped notes which shards are dropped.
type dropped struct {
	Traps
	Rules
	calls []string
}

func (d *dropped) Release(shard string) bool {
	d.calls = append(d.calls, "release "+shard)
	return shard == "1"
}
func (d *dropped) Lose(shard string) { d.calls = append(d.calls, "lose "+shard) }
func (d *dropped) Drop(string)       {}

// No notifications of a shard are taken once it is dropped, and the next owner is waited for if it has anything to learn.
func TestDroppedShardsTakeNoTraps(t *testing.T) {
	m, d := learner(t, nil), &dropped{}
	m.options.Traps, m.options.Rules, m.options.Alarms = func() Traps { return d }, func() Rules { return d }, func() Alarms { return nil }
	m.options.Apply = func(func() bool) {}
	m.options.Running = func() *runtimeconfig.Config { return &runtimeconfig.Config{} }
	for _, shard := range []string{"1", "2"} {
		m.Drop(shard, false)
		m.Drop(shard, true)
	}
	if got, want := fmt.Sprint(d.calls), "[release 1 lose 1 release 2 lose 2]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := fmt.Sprint(m.left.parts), "map[{1 true}:true]"; got != want {
		t.Errorf("%s are left, want %s", got, want)
	}
}
