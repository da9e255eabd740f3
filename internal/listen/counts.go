package listen

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/poller"
	"trapline/internal/series"
)

// counts counts notifications by target and name. It implements prometheus.Collector.
type counts struct {
	desc *prometheus.Desc
	mu   sync.RWMutex
	of   map[string]map[string]*tally // by target, then name
}

// tally is the count of one notification of a target.
type tally struct {
	atomic.Uint64

	shown uint64        // to rules; guarded by the mutex of the counts
	at    time.Duration // when that was
	held  bool          // it was shown once more, before a greater count
}

const (
	// maxNames bounds the names of notifications that are counted of each target.
	maxNames = 200
	// otherName stands for all others.
	otherName = "other"
)

func newCounts() *counts {
	return &counts{of: map[string]map[string]*tally{}, desc: prometheus.NewDesc(poller.TrapsTotal,
		"Traps and informs that were taken, by the target that sent them and the name of the notification. Of each target 200 names are counted, and the rest as other.",
		[]string{"target", "trap"}, nil)}
}

func (c *counts) add(target, name string) {
	c.mu.RLock()
	n := c.of[target][name]
	c.mu.RUnlock()
	if n == nil {
		n = c.begin(target, name)
	}
	n.Add(1)
}

func (c *counts) begin(target, name string) *tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := c.of[target]
	if names == nil {
		names = map[string]*tally{}
		c.of[target] = names
	}
	if len(names) >= maxNames && names[name] == nil {
		name = otherName
	}
	if names[name] == nil {
		names[name] = &tally{at: -heldTime}
	}
	return names[name]
}

// keep forgets the counts of targets that do not exist.
func (c *counts) keep(exists func(target string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for target := range c.of {
		if target != "" && !exists(target) {
			delete(c.of, target)
		}
	}
}

// Describe implements prometheus.Collector.
func (c *counts) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements prometheus.Collector.
func (c *counts) Collect(ch chan<- prometheus.Metric) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for target, names := range c.of {
		for name, n := range names {
			ch <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(n.Load()), target, name)
		}
	}
}

var countDesc = &series.Desc{Name: poller.TrapsTotal, Type: series.Counter}

// heldTime is how old a sample may be before a greater one: an older one is stored again, so that the increase has its begin
// in the range of a rule.
const heldTime = 30 * time.Second

// show returns the count as rules are to see it, and whether that is the count before.
func (t *tally) show(now time.Duration) (n uint64, held bool) {
	if n = t.Load(); n != t.shown && !t.held && now-t.at >= heldTime {
		n, held = t.shown, true
	}
	t.shown, t.at, t.held = n, now, held
	return n, held
}

// column returns the counts of a target as rules see them, nil if there are none. It reports whether some are those before.
func (c *counts) column(target string, now time.Duration) (column *series.Column, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := c.of[target]
	if len(names) == 0 {
		return nil, false
	}
	column = &series.Column{Desc: countDesc, Table: &series.Table{}}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n, before := names[name].show(now)
		held = held || before
		column.Table.Labels = series.AppendLabel(column.Table.Labels, len(column.Table.Labels), "trap", []byte(name))
		column.Table.AddRow()
		column.Values = append(column.Values, float64(n))
	}
	return column, held
}

// settle has rules that begin to look at counts see no increase by the notifications before.
func (c *counts) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, names := range c.of {
		for _, one := range names {
			one.shown, one.held = one.Load(), false
		}
	}
}
