package poller

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/clocks"
	"trapline/internal/measure"
	"trapline/internal/profile"
	"trapline/internal/series"
	"trapline/internal/sharing"
	"trapline/internal/snmp"
)

// Pass is a finished pass over a target. It is not changed once made.
type Pass struct {
	Start       time.Time
	Duration    time.Duration
	Sets        []*series.Set // of the modules in their order, then of the pass itself if the target answered
	Stats       client.Stats
	Errors      []*access.Error
	Err         error // joined, with the names of the modules; nil when all is there
	Problems    []error
	Unconverted int // values that made no sample
	Duplicates  []series.Duplicate
	Up          bool // the target answered, if not to everything

	Modules []*collector.Module // those of the target and those chosen for it
	Choice  *profile.Choice     // why these were chosen; nil if none were to be
	Notes   []*collector.Notes  // values that made no series
	Asked   int                 // columns and instances that were asked for
	Arrived int                 // of them that arrived whole

	Carried []clocks.Carried // parts that were not read

	Refreshed []*series.Set // of a Refresh: the samples that were read again, which are in Sets too
}

// Open returns the session to a target.
type Open func(client.Spec) (collector.Session, error)

// PassOptions are the options of all passes of the program.
type PassOptions struct {
	Open              Open
	WrapCounters      bool
	KeepIndexes       bool // as in collector.Options
	ModuleConcurrency int  // modules of one pass at once; less than 1 means 1
	ObserveModule     func(module string, d time.Duration)
	InFlight          func(change int) // called with the change: modules that start (1) and end (-1)
}

// Run makes a pass over t with all its modules, those included that are chosen for it. Compatible is as in collector.Options.
func (o *PassOptions) Run(ctx context.Context, t *Target, compatible bool) *Pass {
	return o.run(ctx, t, compatible, nil)
}

// RunDue makes a pass that asks for all that is due, and takes the rest from memory, which is of t alone.
func (o *PassOptions) RunDue(ctx context.Context, t *Target, memory *clocks.Memory) *Pass {
	return o.run(ctx, t, false, memory)
}

func (o *PassOptions) run(ctx context.Context, t *Target, compatible bool, memory *clocks.Memory) *Pass {
	p := &Pass{Start: time.Now()}
	defer func() { p.Duration = time.Since(p.Start) }()
	session, err := o.Open(t.Spec)
	if err != nil {
		p.Errors, p.Err = access.Errors(err), err
		return p
	}
	choosing := counted{session: session}
	p.Modules, p.Choice, err = t.modules(ctx, &choosing, p.Start)
	if err != nil {
		p.Stats = choosing.stats
		p.Errors, p.Err = access.Errors(err), err
		p.Up = len(p.Errors) > 0 && !slices.ContainsFunc(p.Errors, (*access.Error).TargetFailed)
		return p
	}
	due := clocks.NewSession(session, memory, t.clocked(p.Modules), p.Start, t.Interval)
	if due != nil {
		session = due
	}
	session = sharing.Session(session, p.Modules, t.ParamsOf)
	results := o.collectAll(ctx, t, p.Modules, session, compatible)
	var errs []error
	p.Up = len(results) == 0
	for i := range results {
		r := &results[i]
		p.Sets = append(p.Sets, r.Set)
		p.Stats.Add(r.Stats)
		p.Problems = append(p.Problems, r.Problems...)
		p.Unconverted += r.Unconverted
		if r.Notes != nil {
			p.Notes = append(p.Notes, r.Notes)
		}
		p.Up = p.Up || !r.Down()
		missing := 0
		if r.Err != nil {
			errs = append(errs, &ModuleError{r.Module.Name, r.Err})
			list := access.Errors(r.Err)
			p.Errors = append(p.Errors, list...)
			missing = missingOf(r.Module, list)
		}
		p.Asked += r.Module.Asked()
		p.Arrived += r.Module.Asked() - missing
	}
	if due != nil {
		errs = append(errs, p.carry(due)...)
	}
	p.Up = p.Up && !p.mute()
	p.Err = errors.Join(errs...)
	measure.JoinInfo(p.Sets)
	p.Duplicates = series.DropDuplicates(p.Sets)
	if scrapes := scrapeSet(results); scrapes.Len() > 0 {
		p.Sets = append(p.Sets, scrapes)
	}
	return p
}

// mute reports whether nothing of all that was asked for was answered. A device that says no more than which SNMPv3
// engine it is, because the privacy password or the context is wrong, is as good as silent.
func (p *Pass) mute() bool {
	answered := func(e *access.Error) bool { return e.Reason != access.Timeout }
	return len(p.Errors) > 0 && p.Arrived == 0 && p.Stats.VarBinds == 0 && !slices.ContainsFunc(p.Errors, answered)
}

// missingOf is how many columns and instances of a module did not arrive whole.
func missingOf(m *collector.Module, errs []*access.Error) int {
	missing := map[string]bool{}
	for _, e := range errs {
		if e.OID == nil {
			return m.Asked()
		}
		missing[string(e.OID)] = true
	}
	return min(len(missing), m.Asked())
}

// ModuleError says with which module a pass went wrong.
type ModuleError struct {
	Module string
	Err    error
}

func (e *ModuleError) Error() string { return "module " + e.Module + ": " + e.Err.Error() }

func (e *ModuleError) Unwrap() error { return e.Err }

// collectAll goes through the modules in order, so many at a time. After the target itself failed
// the modules not yet begun are not asked for: they fail with the same error.
func (o *PassOptions) collectAll(ctx context.Context, t *Target, modules []*collector.Module, session collector.Session, compatible bool) []collector.Result {
	results := make([]collector.Result, len(modules))
	memories := t.memories.all(modules)
	options := collector.Options{WrapCounters: o.WrapCounters, Compatible: compatible, KeepIndexes: o.KeepIndexes}
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		next  int
		down  error
	)
	take := func() (i int, failed error) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, down
	}
	work := func() {
		for {
			i, failed := take()
			if i >= len(results) {
				return
			}
			if failed == nil && ctx.Err() != nil {
				failed = client.OutOfTime(ctx, "walk", t.Spec.Address)
			}
			if failed != nil {
				results[i] = collector.Result{Module: modules[i], Set: &series.Set{}, Err: failed}
				continue
			}
			asked := options
			asked.Params, asked.Memory = t.ParamsOf(modules[i]), memories[i]
			results[i] = o.collect(ctx, modules[i], session, asked)
			if results[i].Down() {
				mu.Lock()
				down = results[i].Err
				mu.Unlock()
			}
		}
	}
	for range min(max(o.ModuleConcurrency, 1), len(results)) - 1 {
		group.Go(work)
	}
	work()
	group.Wait()
	return results
}

func (o *PassOptions) collect(ctx context.Context, m *collector.Module, s collector.Session, options collector.Options) collector.Result {
	if o.InFlight != nil {
		o.InFlight(1)
		defer o.InFlight(-1)
	}
	r := m.Collect(ctx, s, options)
	if o.ObserveModule != nil {
		o.ObserveModule(m.Name, r.Duration)
	}
	return r
}

// doubled returns the objects of which samples were dropped as duplicates.
func (p *Pass) doubled() (oids []snmp.OID) {
	if len(p.Duplicates) == 0 {
		return nil
	}
	names := map[string]bool{}
	for _, d := range p.Duplicates {
		names[d.Name] = true
	}
	for _, set := range p.Sets {
		for i := range set.Columns {
			if d := set.Columns[i].Desc; names[d.Name] {
				oids = append(oids, d.Object)
			}
		}
	}
	return oids
}

// middle is when, about, the numbers of a poll were read.
func (p *Pass) middle() time.Time { return p.Start.Add(p.Duration / 2) }

// carry ends a session that carries, and notes the parts that it carried. The errors are of parts that it could not read.
func (p *Pass) carry(s *clocks.Session) (errs []error) {
	s.End()
	var failed []*access.Error
	p.Carried, failed = s.Carried()
	for _, e := range failed {
		errs = append(errs, e)
	}
	p.Errors = append(p.Errors, failed...)
	p.Arrived = max(p.Arrived-len(failed), 0)
	for _, c := range p.Carried {
		if c.Label {
			continue
		}
		for _, set := range p.Sets {
			for i := range set.Columns {
				if column := &set.Columns[i]; snmp.OID(column.Desc.Object).HasPrefix(c.Object) || c.Object.HasPrefix(column.Desc.Object) {
					column.Carried = &series.Carried{Read: c.Read, Every: c.Every, Due: c.Due}
				}
			}
		}
	}
	return errs
}

// thatWereRead returns the sets without the columns that were carried.
func (p *Pass) thatWereRead() []*series.Set {
	if !slices.ContainsFunc(p.Carried, func(c clocks.Carried) bool { return !c.Label }) {
		return p.Sets
	}
	sets := make([]*series.Set, len(p.Sets))
	for i, set := range p.Sets {
		sets[i] = &series.Set{Columns: slices.DeleteFunc(slices.Clone(set.Columns), func(c series.Column) bool { return c.Carried != nil })}
	}
	return sets
}
