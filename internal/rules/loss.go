package rules

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// loss is the part of a poll that could not be stored. Rules that select it stay as they are: nothing is cleared
// because samples are missing.
type loss struct {
	err   error
	names map[string]bool // of the series; nil means all
}

// of reports whether a rule may select lost series.
func (l *loss) of(r *Rule) bool {
	if l == nil || l.names == nil {
		return l != nil
	}
	for _, vs := range selectors(r.Expr) {
		if name := nameOf(vs); name == "" || l.names[name] {
			return true
		}
	}
	return false
}

// Healthy returns the error because of which alerts or samples cannot be stored, or nil.
func (e *Evaluator) Healthy() error {
	if err := e.closed.Load(); err != nil {
		return fmt.Errorf("rules are not evaluated: %w", *err)
	}
	for _, d := range e.allDevices() {
		if err := d.uncommitted.Load(); err != nil {
			return fmt.Errorf("what the rules of %s found cannot be stored: %w", d, *err)
		}
		if l := d.lost.Load(); l != nil {
			return fmt.Errorf("samples of %s cannot be stored: %w", d, l.err)
		}
	}
	return nil
}

// lossFor returns a loss of any target that a global rule may select, or nil.
func (e *Evaluator) lossFor(r *Rule) *loss {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range e.devices {
		if l := d.lost.Load(); l.of(r) {
			return l
		}
	}
	return nil
}

// mended returns the time until which samples were lost that the rules of a device select.
func (e *Evaluator) mended(d *device) time.Time {
	if d.target != nil {
		return time.UnixMilli(d.mended.Load())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var last int64
	for _, d := range e.devices {
		last = max(last, d.mended.Load()+d.interval.Milliseconds()) // it has but one sample since, for so long
	}
	return time.UnixMilli(last)
}

// throttleInterval is how often the same is logged.
const throttleInterval = time.Minute

// throttled logs errors that come again and again, each once in throttleInterval.
type throttle struct {
	logger *slog.Logger

	mu     sync.Mutex
	last   map[string]time.Time
	silent map[string]int // how often each was not logged since
}

func (c *throttle) error(message string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if last, logged := c.last[message]; logged && now.Sub(last) < throttleInterval {
		c.silent[message]++
		return
	}
	if c.last == nil {
		c.last, c.silent = map[string]time.Time{}, map[string]int{}
	}
	if n := c.silent[message]; n > 0 {
		args = append(args, "not_logged", n)
	}
	c.last[message], c.silent[message] = now, 0
	c.logger.Error(message, args...)
}
