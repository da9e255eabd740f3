package rules

import (
	"fmt"
	"time"
)

// Healthy returns the error because of which alerts or samples cannot be stored, or nil.
func (e *Evaluator) Healthy() error {
	if err := e.closed.Load(); err != nil {
		return fmt.Errorf("rules are not evaluated: %w", *err)
	}
	for _, d := range e.allDevices() {
		if err := d.uncommitted.Load(); err != nil {
			return fmt.Errorf("alerts of %s cannot be stored: %w", d, *err)
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

// noteExcess counts, publishes and logs the samples of a poll that were not stored.
func (e *Evaluator) noteExcess(d *device) {
	q := &d.quota
	if q.Refused == 0 && !q.Since.IsZero() { // the target did not answer
		return
	}
	e.metrics.refused.Add(float64(q.Refused))
	if q.Since.IsZero() {
		d.excess.Store(nil)
		return
	}
	d.excess.Store(&Excess{Samples: q.Refused, Since: q.Since})
	if q.Due() {
		e.logger.Warn("too many series of a target are new: rules do not see those above the limit",
			"target", d.target.Name, "samples_not_stored", q.Refused, "max_series", q.Max, "max_new_per_hour", q.PerHour)
	}
}

// Excess is a target of which not all samples are stored, because too many of its series are new. Its other series, and
// the alarms of these, are as they should be.
type Excess struct {
	Target  string
	Samples int       // of the last poll that were not stored
	Since   time.Time // wall clock
}
