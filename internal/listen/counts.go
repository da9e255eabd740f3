package listen

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// counts counts notifications by target and name. It implements prometheus.Collector.
type counts struct {
	desc *prometheus.Desc
	mu   sync.RWMutex
	of   map[string]map[string]*atomic.Uint64 // by target, then name
}

const (
	// maxNames bounds the names of notifications that are counted of each target.
	maxNames = 200
	// otherName stands for all others.
	otherName = "other"
)

func newCounts() *counts {
	return &counts{of: map[string]map[string]*atomic.Uint64{}, desc: prometheus.NewDesc("trapline_traps_total",
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

func (c *counts) begin(target, name string) *atomic.Uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := c.of[target]
	if names == nil {
		names = map[string]*atomic.Uint64{}
		c.of[target] = names
	}
	if len(names) >= maxNames && names[name] == nil {
		name = otherName
	}
	if names[name] == nil {
		names[name] = new(atomic.Uint64)
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
