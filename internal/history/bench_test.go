package history

import (
	"runtime"
	"testing"
	"time"

	"trapline/internal/setting"
)

func bytesOf(n int64) setting.Bytes { return setting.Bytes{N: n} }

func switch52() *device {
	d := &device{hc: true, indexes: true, in: map[uint32]float64{}, out: map[uint32]float64{}}
	for n := range 52 {
		d.rows = append(d.rows, uint32(n+1))
	}
	return d
}

// BenchmarkSwitch adds a poll of a switch with 52 ports to its history. kB/switch is the size of the history.
func BenchmarkSwitch(b *testing.B) {
	d := switch52()
	first := d.poll()
	for _, n := range d.rows {
		d.in[n], d.out[n] = 1e6, 2e6
	}
	second := d.poll()
	k := NewStore()
	k.Configure(&Settings{Memory: bytesOf(1 << 30)})
	const many = 1000
	targets := make([]*Target, many)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range targets {
		targets[i] = k.Target()
		targets[i].Answered(&Poll{After: first, Steps: 1})
	}
	taken := heap() - before
	up := Poll{Before: first, After: second, Elapsed: time.Minute, Comparable: true, Steps: 1}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		targets[i%many].Answered(&up)
	}
	b.ReportMetric(float64(taken)/many/1000, "kB/switch")
	b.ReportMetric(float64(k.Bytes())/many/1000, "kB/switch-counted")
}

// In the steady state, a poll allocates nothing.
func TestPollsDoNotAllocate(t *testing.T) {
	d := switch52()
	first := d.poll()
	for _, n := range d.rows {
		d.in[n] = 1e6
	}
	second := d.poll()
	x := NewStore().Target()
	x.Answered(&Poll{After: first, Steps: 1})
	up := Poll{Before: first, After: second, Elapsed: time.Minute, Comparable: true, Steps: 1}
	if n := testing.AllocsPerRun(100, func() { x.Answered(&up) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
