// Package collector makes one pass over one target: it polls the objects of the modules and converts
// the answers into series. It opens no sockets and has no schedule: its callers decide when to poll and
// use the series.
package collector

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/measure"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// Session polls a target. Poll calls yield with each variable binding, which is valid only during the
// call. It returns statistics of the responses, and the errors of the objects that are absent: see
// access.Error.
type Session interface {
	Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error)
}

// Options of a pass.
type Options struct {
	Params       *client.Params   // of the requests; nil means the module's
	WrapCounters bool             // Counter64 modulo 2^53
	Compatible   bool             // of several metrics with one OID, only the last has series
	KeepIndexes  bool             // the tables say which index each row has
	Memory       *Memory          // of the passes with this module over this target; may be nil
	Now          func() time.Time // nil means time.Now
}

// Memory is what passes with one module over one target need not compute again: see measure.Memory. It changes no series.
// Of passes at the same time one uses it.
type Memory struct {
	mu       sync.Mutex
	measures measure.Memory
}

// lend returns the memory of measures, nil while another pass uses it, and how to give it back.
func (m *Memory) lend() (lent *measure.Memory, back func()) {
	if m == nil || !m.mu.TryLock() {
		return nil, func() {}
	}
	return &m.measures, m.mu.Unlock
}

// Result is the result of a pass with one module. If Err is not nil, Set has the series of the objects
// that arrived, without the rows whose labels depend on absent objects. Set is empty if the target
// itself failed.
type Result struct {
	Module       *Module
	Set          *series.Set
	Stats        client.Stats
	WalkDuration time.Duration // until the last varbind
	Duration     time.Duration // until the series were ready
	Err          error         // joined *access.Error
	Problems     []error       // values of a type that their metric cannot have; the first of them
	Unconverted  int           // values that made no sample: those, and invalid numbers
	Notes        *Notes        // nil if there is nothing to note
}

func (o *Options) params(m *Module) client.Params {
	if o.Params == nil {
		return m.Plan.Params
	}
	return *o.Params
}

func (m *Module) conversion(o Options) *conversion {
	c, ok := m.conversions.Get().(*conversion)
	if !ok {
		c = newConversion(m)
	}
	c.reset(o)
	return c
}

// Collect makes a pass with one module.
func (m *Module) Collect(ctx context.Context, s Session, o Options) Result {
	if o.Now == nil {
		o.Now = time.Now
	}
	start := o.Now()
	c := m.conversion(o)
	r := Result{Module: m}
	plan := m.Plan
	plan.Params = o.params(m)
	c.room = roomFactor * cmp.Or(plan.Params.MaxBytes, client.DefaultMaxBytes)
	var dropped []Dropped
	if len(m.filters) > 0 {
		plan, dropped = m.applyFilters(ctx, s, plan)
	}
	r.Stats, r.Err = s.Poll(ctx, &plan, c.add)
	r.WalkDuration = o.Now().Sub(start)
	r.Set, r.Problems = c.finish(access.Errors(r.Err)), c.problems
	r.Unconverted, r.Notes = c.unconverted, m.notes(c, dropped)
	for _, e := range c.tooLarge {
		r.Err = errors.Join(r.Err, e)
	}
	if !c.large() {
		m.conversions.Put(c)
	}
	r.Duration = o.Now().Sub(start)
	return r
}

// Down reports whether the target itself failed, rather than some of the objects.
func (r *Result) Down() bool {
	return r.Err != nil && targetFailed(access.Errors(r.Err))
}

func targetFailed(errs []*access.Error) bool {
	return len(errs) == 0 || slices.ContainsFunc(errs, (*access.Error).TargetFailed)
}

// applyFilters asks for the objects that decide. A filter whose object cannot be read does not
// narrow anything.
func (m *Module) applyFilters(ctx context.Context, s Session, p client.Plan) (narrowed client.Plan, dropped []Dropped) {
	var sets []indexSet
	for i := range m.filters {
		set := indexSet{filter: &m.filters[i]}
		walk := client.Plan{Walk: []snmp.OID{set.filter.Object}, Filter: true, Params: p.Params}
		if _, err := s.Poll(ctx, &walk, set.add); err != nil {
			continue
		}
		sets = append(sets, set)
		if set.dropped.Filter = m.filters[i]; set.dropped.Count > 0 {
			dropped = append(dropped, set.dropped)
		}
	}
	return narrow(p, sets), dropped
}
