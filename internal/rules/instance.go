package rules

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"trapline/internal/poller"
	"trapline/internal/series"
)

// ruleInstance is a rule for one target, or a global one.
type ruleInstance struct {
	rule *Rule

	alerts    Alerts                   // as the last evaluation has them
	persisted map[uint64]*record       // alerts as the database has them, by the hash of their labels
	unseeded  bool                     // the persisted alerts have yet to be put into alerts
	moved     bool                     // some of them may have other labels since a reload
	kept      map[string]bool          // IDs of those that had other labels when they began
	written   map[uint64]labels.Labels // series that the last evaluation yielded
	last      time.Time                // of the last evaluation that succeeded
	resumed   time.Time                // of the first that was tried, and of the first after each gap
	filling   bool                     // the last evaluation waits: see fills
	since     time.Time                // of a global rule: passes that ended before do not count
	tried     time.Time                // and when it was last due
	waits     time.Time                // and since when it waits for polls; zero while it does not
	found     map[uint64]promql.Sample // of the expression in this evaluation, by the hash of their alerts' labels
	err       error                    // of the last

	severities map[uint64]string // of the alerts of this evaluation, by the hash of their labels; without those that are as they were
	took       time.Duration
}

// newRuleInstance returns an instance with alerts of the last process, which was alive until then, or of an instance before.
func newRuleInstance(r *Rule, restored []*record, alive time.Time) *ruleInstance {
	b := &ruleInstance{rule: r, alerts: Alerts{}, persisted: map[uint64]*record{}}
	for _, one := range restored {
		again := *one
		again.fresh, again.gone = false, time.Time{}
		b.last = cmp.Or(one.evaluated, alive)
		again.cutSeverity(r)
		b.persisted[again.Labels.Hash()] = &again
	}
	b.unseeded, b.moved = len(restored) > 0, len(restored) > 0
	return b
}

// successor returns the instance of the rule in a new configuration. An unchanged rule keeps its state.
func (b *ruleInstance) successor(r *Rule) *ruleInstance {
	old := b.rule
	if old.Text == r.Text && old.For == r.For && old.KeepFiringFor == r.KeepFiringFor && old.Group.Offset == r.Group.Offset &&
		maps.Equal(old.Labels, r.Labels) && maps.Equal(old.Annotations, r.Annotations) {
		b.rule = r
		return b
	}
	next := newRuleInstance(r, b.records(), b.last)
	next.written, next.last, next.resumed = b.written, b.last, b.resumed
	return next
}

// follow lets alerts go on whose labels are others since a reload, of the rule or of its target: the row of the sample is
// the same, but for the labels of the target.
func (b *ruleInstance) follow(found promql.Vector, t *poller.Target) {
	if !b.moved {
		return
	}
	var fresh promql.Vector
	for _, s := range found {
		if b.alerts[s.Metric.Hash()] == nil {
			fresh = append(fresh, s)
		}
	}
	var lost []uint64
	for key := range b.alerts {
		if _, there := b.found[key]; !there && b.persisted[key] != nil {
			lost = append(lost, key)
		}
	}
	b.moved = len(lost) > 0
	if len(fresh) == 0 || len(lost) == 0 {
		return
	}
	row := rowOf(b.found[fresh[0].Metric.Hash()].Metric, t)
	byRow := make(map[uint64]uint64, len(lost))
	for _, key := range lost {
		byRow[row(b.persisted[key].Sample)] = key
	}
	for _, s := range fresh {
		sample := b.found[s.Metric.Hash()].Metric
		if from, known := byRow[row(sample)]; known {
			delete(byRow, row(sample))
			b.move(from, s.Metric, sample)
		}
	}
}

// move gives an alert other labels.
func (b *ruleInstance) move(from uint64, to, sample labels.Labels) {
	a, one := b.alerts[from], *b.persisted[from]
	delete(b.alerts, from)
	delete(b.persisted, from)
	a.Labels, one.Sample = to, sample
	b.keep(one.ID)
	b.alerts[to.Hash()], b.persisted[to.Hash()] = a, &one
}

// keep notes that an ID is not that of the labels of its alert.
func (b *ruleInstance) keep(id string) {
	if b.kept == nil {
		b.kept = map[string]bool{}
	}
	b.kept[id] = true
}

// rowOf returns a function that returns the row of samples that have labels like one of them, as a hash.
func rowOf(like labels.Labels, t *poller.Target) func(labels.Labels) uint64 {
	own := map[string]bool{model.MetricNameLabel: true}
	if t != nil { // the rule is of one target
		for name := range t.Labels {
			own[series.LabelName(name)] = true
		}
	}
	var names []string
	like.Range(func(l labels.Label) {
		if !own[l.Name] {
			names = append(names, l.Name)
		}
	})
	return func(l labels.Labels) uint64 { return l.MatchLabels(true, names...).Hash() }
}

// leave returns the alerts for another instance, which may be of another kind.
func (b *ruleInstance) leave() (list []*record) {
	for _, r := range b.persisted {
		left := *r
		left.evaluated = b.last
		list = append(list, &left)
	}
	return list
}

func (b *ruleInstance) records() []*record { return slices.Collect(maps.Values(b.persisted)) }

// severity returns the severity of an alert, by the hash of its labels.
func (b *ruleInstance) severity(key uint64) string {
	if !b.rule.severity.template {
		return b.rule.severity.value
	}
	if said, ok := b.severities[key]; ok {
		return said
	}
	if old := b.persisted[key]; old != nil {
		return old.Severity
	}
	return ""
}

// persistedSamples returns the samples of persisted alerts, for when the stored ones are older than the lookback.
func (b *ruleInstance) persistedSamples(at time.Time) (vector promql.Vector) {
	for _, r := range b.persisted {
		vector = append(vector, AlertSamples(r.shown(), r.Firing, r.ActiveAt, at)...)
	}
	return vector
}

// activeSamples returns the samples of the active alerts, if any rule selects them.
func (b *ruleInstance) activeSamples(sel *Selectors, at time.Time) (vector promql.Vector) {
	if !sel.Named(alertsName) && !sel.Named(alertsForStateName) {
		return nil
	}
	for key, a := range b.alerts {
		vector = append(vector, AlertSamples(withSeverity(a.Labels, b.severity(key)), a.Firing, a.ActiveAt, at)...)
	}
	return vector
}

// write stores the result of an evaluation, and ends the series that it does not contain any more. Of alerts, it stores
// only series that rules select.
func (b *ruleInstance) write(s *store, sel *Selectors, vector promql.Vector, at time.Time) error {
	if len(vector)+len(b.written) == 0 {
		return nil
	}
	appender := s.appender()
	now := make(map[uint64]labels.Labels, len(vector))
	var rejected error
	add := func(l labels.Labels, t int64, v float64) {
		if _, err := appender.Append(0, l, t, v); err != nil {
			rejected = err
		}
	}
	for _, sample := range vector {
		if b.rule.Record == "" && !sel.Wanted(sample.Metric) {
			continue
		}
		now[sample.Metric.Hash()] = sample.Metric
		add(sample.Metric, sample.T, sample.F)
	}
	for hash, l := range b.written {
		if _, again := now[hash]; !again {
			add(l, at.Add(-b.rule.Group.Offset).UnixMilli(), stale)
		}
	}
	if err := appender.Commit(); err != nil {
		maps.Copy(now, b.written) // which have yet to end
		b.written = now
		return err
	}
	b.written = now
	return rejected
}
