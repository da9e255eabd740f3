package rules

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"

	"trapline/internal/poller"
	"trapline/internal/rules/expression"
	"trapline/internal/rules/quota"
	"trapline/internal/rules/tables"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// device is a target as rules see it. Its passes are evaluated one after the other.
type device struct {
	waiting  []poller.Report // passes to evaluate, the oldest first; the evaluator's mutex guards it
	queued   bool            // and this: a worker has the device, or will
	interval time.Duration   // between its passes; the evaluator's mutex guards it too
	begun    time.Time       // since when there is the target; not changed once it is among the evaluator's
	lastPoll atomic.Int64    // when a pass was last taken, in milliseconds

	health      atomic.Pointer[[]ruleHealth] // of the rules, as of the last commit
	pending     atomic.Bool                  // an alert of health is
	lost        atomic.Pointer[loss]         // of the last pass; nil if all is stored
	mended      atomic.Int64                 // until when, in milliseconds, something was lost before lost became nil
	excess      atomic.Pointer[Excess]       // of the last pass that the target answered; nil if there is none
	uncommitted atomic.Pointer[error]        // error of storing the last alerts; nil if they are stored

	mu        sync.Mutex // guards the rest, and is held while rules are evaluated
	target    *poller.Target
	selectors *Selectors
	seen      []bool                         // by number of the selector: it selects a series of the target
	caches    map[string]*seriesCache        // by name
	inherited map[string][]storage.SeriesRef // that may be of the last process, by name
	inherits  *Selectors                     // whose names inherited has had
	poll      uint32                         // number of the last
	decided   uint32                         // series seen in this pass or before have to be looked at again
	grown     bool                           // more selectors may select something
	instances []*ruleInstance                // rules that may have rows here, in their order
	restored  map[string][]*record
	jumps     []jump
	quota     quota.Quota
	look      *lookState

	discontinuities map[uint64]float64 // ifCounterDiscontinuityTime by the hash of its row
	reboots         float64
	complete        bool                   // there was a pass without errors
	broken          func(name string) bool // of the last pass: series of that name may be missing
	tables          *tables.Tables         // of the last pass
}

func newDevice() *device {
	return &device{caches: map[string]*seriesCache{}, inherited: map[string][]storage.SeriesRef{}, look: newLookState(), quota: quota.New()}
}

// jump is a time at which counters of a row jumped, or those of all rows where it has no labels.
type jump struct {
	row labels.Labels
	at  time.Time
}

// maxJumps is how many rows with jumps are distinguished: beyond that, all rows count as having jumped.
const maxJumps = 1000

func (d *device) jumped(row labels.Labels, at time.Time) {
	if len(d.jumps) == maxJumps {
		row, d.jumps = labels.EmptyLabels(), nil
	}
	d.jumps = append(d.jumps, jump{row, at})
}

// storePoll stores the samples of a poll. Series of rows that are absent from a complete table end, but not of a refresh.
// If the target did not answer, all other series stay as they are, unless emptied is set. Samples that cannot be stored
// are noted in d.lost, and an error is returned.
func (d *device) storePoll(s *store, r *poller.Report, at time.Time, emptied bool) error {
	pass := r.Last
	d.poll++
	in := &pollWriter{device: d, appender: s.appender(), at: at.UnixMilli(), now: at}
	d.tables = &tables.Tables{Sets: pass.Sets}
	if !pass.Up {
		d.tables = &tables.Tables{}
	}
	d.quota.Begin(at, d.live())
	in.own = true
	in.columns([]*series.Set{r.Health, pollSeries(pass, d.target)}, d.target.Rendered)
	in.own = false
	d.noteReboots(r, at)
	d.broken = brokenNames(pass)
	if pass.Up {
		in.columns(pass.Read(), d.target.Rendered)
		d.quota.End()
	}
	d.endInherited(in, s, pass)
	for name, s := range d.caches {
		if pass.Refreshed == nil && (isPollSeries(name) || pass.Up && !d.broken(name) || !pass.Up && emptied) {
			s.drop(d.poll, in.end)
		}
	}
	d.complete = d.complete || pass.Err == nil
	lost := in.commit()
	for _, s := range d.caches {
		s.endPoll(lost != nil && lost.names == nil)
	}
	if before := d.lost.Swap(lost); before != nil && lost == nil {
		d.mended.Store(at.UnixMilli())
	}
	if lost != nil {
		return lost.err
	}
	return in.rejected
}

// endInherited ends the series of the last process that the target has no more: rows are gone, or have other labels.
func (d *device) endInherited(in *pollWriter, s *store, pass *poller.Pass) {
	if before := d.inherits; before != d.selectors { // names that no rule named before may have series, too
		d.inherits = d.selectors
		only := labels.MustNewMatcher(labels.MatchEqual, poller.TargetLabel, d.target.Name)
		for name := range d.selectors.byName {
			if (before == nil || len(before.byName[name]) == 0) && !d.selectors.isMade(name) && !isPollSeries(name) {
				of := labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name)
				d.inherited[name] = s.samples.Matching(context.Background(), in.now.Add(-2*minLookback).UnixMilli(), only, of)
			}
		}
	}
	for name, refs := range d.inherited {
		has := d.caches[name]
		if !pass.Up || pass.Refreshed != nil || d.broken(name) || has != nil && has.carried {
			continue
		}
		live := map[storage.SeriesRef]bool{}
		for i := 0; has != nil && i < len(has.series); i++ {
			live[has.series[i].ref] = true
		}
		for _, ref := range refs {
			if !live[ref] {
				in.end(ref)
			}
		}
		delete(d.inherited, name)
	}
}

// end ends all series of the target.
func (d *device) end(s *store, at time.Time) error {
	d.poll++
	in := &pollWriter{device: d, appender: s.appender(), at: at.UnixMilli(), now: at}
	for _, s := range d.caches {
		s.drop(d.poll, in.end)
	}
	clear(d.caches)
	return in.appender.Commit()
}

// noteReboots counts a reboot as a jump of all counters.
func (d *device) noteReboots(r *poller.Report, at time.Time) {
	for _, c := range r.Health.Columns {
		if c.Desc.Name == "trapline_target_reboots_total" {
			if c.Values[0] > d.reboots && d.poll > 1 {
				d.jumped(labels.EmptyLabels(), at)
			}
			d.reboots = c.Values[0]
		}
	}
}

// brokenNames returns a function that reports whether series of a name may be missing in a poll. A name without any
// series counts as missing: its table or its labels may be incomplete.
func brokenNames(p *poller.Pass) func(name string) bool {
	if p.Err == nil {
		return func(string) bool { return false }
	}
	complete := map[string]bool{}
	for _, set := range p.Sets {
		for _, c := range set.Columns {
			broken := false
			for _, e := range p.Errors {
				broken = broken || overlap(e.OID, c.Desc.Object)
			}
			if before, known := complete[c.Desc.Name]; !known || before {
				complete[c.Desc.Name] = !broken
			}
		}
	}
	return func(name string) bool { return !complete[name] }
}

func overlap(failed, object snmp.OID) bool {
	return failed.HasPrefix(object) || object.HasPrefix(failed)
}

// frozen reports whether a rule cannot be evaluated for the last poll: series that it selects may be missing.
func (d *device) frozen(b *ruleInstance, pass *poller.Pass, emptied bool) bool {
	if d.lost.Load().of(b.rule) {
		return true
	}
	if pass.Up && d.carries(b.rule, pass) {
		return true
	}
	if b.rule.onlyPolls || pass.Err == nil || !pass.Up && emptied {
		return false
	}
	if !pass.Up {
		return true
	}
	restored := !d.complete && len(b.persisted) > 0
	return slices.ContainsFunc(b.rule.selectors(), func(vs *parser.VectorSelector) bool {
		name := expression.Name(vs)
		if d.selectors.made[d.selectors.number[vs]] || isPollSeries(name) {
			return false
		}
		return name == "" || (restored || d.caches[name] != nil) && d.broken(name)
	})
}

// carries reports whether a rule selects series that the target has, but that were read too long ago to be found.
func (d *device) carries(r *Rule, pass *poller.Pass) bool {
	return len(pass.Carried) > 0 && slices.ContainsFunc(r.selectors(), func(vs *parser.VectorSelector) bool {
		s := d.caches[expression.Name(vs)]
		return s != nil && s.carried && pass.Start.Sub(s.read) > max(minLookback, d.target.Interval*5/2)/2
	})
}

// bind creates instances of the rules that may have rows for this target. Rules with active alerts have.
func (d *device) bind(set *Set, alive time.Time) {
	if !d.grown && len(d.restored) == 0 {
		return
	}
	d.grown = false
	byUID := map[string]*ruleInstance{}
	for _, b := range d.instances {
		byUID[b.rule.UID] = b
	}
	list := make([]*ruleInstance, 0, len(d.instances))
	for _, r := range set.Rules() {
		b := byUID[r.UID]
		if b == nil && r.Global == "" && (len(d.restored[r.UID]) > 0 || set.Selectors.mayYield(r.Expr, d.seen)) {
			b = newRuleInstance(r, d.restored[r.UID], alive)
		}
		if b != nil {
			list = append(list, b)
		}
	}
	d.instances, d.restored = list, nil
}

// reconfigure sets the rules, and perhaps another target of the same name. It returns the alerts of rules that have no
// instance here.
func (d *device) reconfigure(set *Set, t *poller.Target) (left []*record) {
	byUID := map[string]*Rule{}
	for _, r := range set.Rules() {
		byUID[r.UID] = r
	}
	kept := d.instances[:0]
	for _, b := range d.instances {
		r := byUID[b.rule.UID]
		if r == nil || (r.Global != "") != (t == nil) {
			left = append(left, b.leave()...)
			continue
		}
		kept = append(kept, b.successor(r))
	}
	for _, records := range d.restored {
		left = append(left, records...)
	}
	d.instances, d.restored = kept, nil
	d.target, d.selectors = t, set.Selectors
	d.seen = make([]bool, len(set.Selectors.all))
	d.decided, d.grown = d.poll, true
	d.look.forget(set)
	d.publishHealth()
	return left
}

// mayBeJump reports whether a row may be the result of a jump of counters.
func (d *device) mayBeJump(row labels.Labels, since time.Time) bool {
	return slices.ContainsFunc(d.jumps, func(j jump) bool { return j.at.After(since) && compatible(j.row, row) })
}

// forgetJumps removes the jumps before a time.
func (d *device) forgetJumps(before time.Time) {
	d.jumps = slices.DeleteFunc(d.jumps, func(j jump) bool { return j.at.Before(before) })
}

// compatible reports whether a and b have equal values for the labels that both have.
func compatible(a, b labels.Labels) bool {
	same := true
	a.Range(func(l labels.Label) {
		if other := b.Get(l.Name); other != "" && other != l.Value {
			same = false
		}
	})
	return same
}

func (d *device) String() string {
	if d.target == nil {
		return "all targets"
	}
	return fmt.Sprintf("target %s", d.target.Name)
}

// ruleHealth is the state of an instance of a rule.
type ruleHealth struct {
	uid    string
	alerts []*record
	err    error
	last   time.Time
	took   time.Duration
}

// publishHealth publishes the state of the rules, for readers that do not wait for the end of an evaluation.
func (d *device) publishHealth() {
	list := make([]ruleHealth, 0, len(d.instances))
	for _, b := range d.instances {
		list = append(list, ruleHealth{b.rule.UID, b.records(), b.err, b.last, b.took})
	}
	for uid, records := range d.restored {
		list = append(list, ruleHealth{uid: uid, alerts: records})
	}
	pending := func(r *record) bool { return !r.Firing }
	d.pending.Store(slices.ContainsFunc(list, func(h ruleHealth) bool { return slices.ContainsFunc(h.alerts, pending) }))
	d.health.Store(&list)
}

// live returns the number of series that are in the store.
func (d *device) live() (n int) {
	for _, s := range d.caches {
		for i := range s.series {
			if s.series[i].ref != 0 {
				n++
			}
		}
	}
	return n
}
