package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/rules/takeover"
)

// record is a pending or firing alert as it is stored. It is immutable.
type record struct {
	ID              string        `json:"id"`   // of its alarm
	Rule            string        `json:"rule"` // UID
	Sample          labels.Labels `json:"sample"`
	Labels          labels.Labels `json:"labels"` // without the severity, where the rule sets that
	Severity        string        `json:"severity,omitempty"`
	Annotations     labels.Labels `json:"annotations"`
	Value           number        `json:"value"` // the last while the condition was true
	Firing          bool          `json:"firing"`
	Baseline        bool          `json:"baseline,omitempty"` // it is not sent: see baselineAnnotation
	Noted           bool          `json:"noted,omitempty"`    // the journal has it, though it is not sent
	ActiveAt        time.Time     `json:"active_at"`
	FiredAt         time.Time     `json:"fired_at,omitzero"`
	KeepFiringSince time.Time     `json:"keep_firing_since,omitzero"`

	shard     string    // that it is stored in
	gone      time.Time // since when it has no rule or no target; zero if it has
	fresh     bool      // the annotations are of the rule as it is
	evaluated time.Time // when its rule was last evaluated by this process, if a reload takes the alert from it
}

// Home returns the shard.
func (r *record) Home() string { return r.shard }

// number is a value that may be infinite or NaN, which JSON lacks.
type number float64

func (n number) String() string { return strconv.FormatFloat(float64(n), 'g', -1, 64) }

// MarshalText writes any value.
func (n number) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText parses the text of MarshalText.
func (n *number) UnmarshalText(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	*n = number(f)
	return err
}

// held reports whether the alert is shown, and receivers are not notified of it.
func (r *record) held() bool { return r != nil && r.Firing && r.Baseline }

// sent reports whether receivers were notified of the alert.
func (r *record) sent() bool { return r.Firing && !r.Baseline }

// shown returns the labels with the severity.
func (r *record) shown() labels.Labels { return withSeverity(r.Labels, r.Severity) }

// cutSeverity moves the severity out of the labels of a new record, if the rule sets it.
func (r *record) cutSeverity(rule *Rule) {
	if rule.severity.name == "" || !r.Labels.Has(severityLabel) {
		return
	}
	r.Severity = r.Labels.Get(severityLabel)
	r.Labels = labels.NewBuilder(r.Labels).Del(severityLabel).Labels()
}

// differs reports whether an alert has changed since it was recorded, in its stored fields.
func (r *record) differs(a *Alert) bool {
	return r.Firing != a.Firing || !r.ActiveAt.Equal(a.ActiveAt) || !r.FiredAt.Equal(a.FiredAt) || !r.KeepFiringSince.Equal(a.KeepFiringSince)
}

// alert returns the alert as it was. A firing one stays firing if its rule has a longer `for`.
func (r *record) alert(now time.Time, hold time.Duration) *Alert {
	a := &Alert{
		Labels: r.Labels, Annotations: r.Annotations, Value: float64(r.Value), Firing: r.Firing,
		ActiveAt: r.ActiveAt, FiredAt: r.FiredAt, KeepFiringSince: r.KeepFiringSince,
	}
	if a.Firing && now.Sub(a.ActiveAt) < hold {
		a.ActiveAt = now.Add(-hold)
	}
	return a
}

// with returns the record with other times.
func (r *record) with(t takeover.Times) *record {
	c := *r
	c.ActiveAt, c.FiredAt, c.KeepFiringSince = t.ActiveAt, t.FiredAt, t.KeepFiringSince
	return &c
}

func (r *record) times() takeover.Times {
	return takeover.Times{Firing: r.Firing, ActiveAt: r.ActiveAt, FiredAt: r.FiredAt, KeepFiringSince: r.KeepFiringSince}
}

// moved returns the record with times that are later by a duration.
func (r *record) moved(by time.Duration) *record { return r.with(r.times().Moved(by)) }

// change is a change of a stored alert.
type change struct {
	persisted map[uint64]*record // that it is of, by key; nil if there is none any more
	key       uint64
	old       *record // nil if it is new
	now       *record // nil if it is over
}

// writesOf returns the writes of changes.
func writesOf(changes []change) (writes []ledger.Write, err error) {
	for _, c := range changes {
		if c.now == nil {
			writes = append(writes, ledger.Write{Shard: c.old.shard, Key: ledger.Named(ledger.Alert, c.old.ID)})
			continue
		}
		w := ledger.Write{Shard: c.now.shard, Key: ledger.Named(ledger.Alert, c.now.ID)}
		if w.Value, err = json.Marshal(c.now); err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return writes, nil
}

// recordIn reads a stored record.
func recordIn(id string, text []byte) (*record, error) {
	r := &record{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, err
	}
	return r, r.check(id)
}

// reconciled replaces lost records: an active alarm has a record, and an alert whose alarm is lost is raised again if
// its condition is true.
func reconciled(shard string, list []*record, bad []string, active []alarm.Alarm) []*record {
	byID := map[string]*alarm.Alarm{}
	for i := range active {
		byID[active[i].ID] = &active[i]
	}
	for _, id := range bad {
		if a := byID[id]; a != nil {
			r := recordOf(a)
			r.shard = shard
			list = append(list, r)
		}
	}
	for _, r := range list {
		r.Firing = r.Firing && (r.Baseline || byID[r.ID] != nil)
	}
	return list
}

// check reports whether a record is one that writesOf may have made.
func (r *record) check(id string) error {
	switch {
	case r.ID != id:
		return fmt.Errorf("it is of the alert %q", r.ID)
	case r.Rule == "" || r.Labels.IsEmpty():
		return errors.New("it has no rule or no labels")
	case r.ActiveAt.IsZero() || r.Firing && r.FiredAt.IsZero():
		return errors.New("it does not say since when")
	}
	return nil
}

// recordOf returns a record of an active alarm. It has no rule: assignRule finds it by its name and labels.
func recordOf(a *alarm.Alarm) *record {
	value, _ := strconv.ParseFloat(a.Value, 64)
	l := labels.FromMap(a.Labels)
	return &record{
		ID: a.ID, Labels: l, Sample: labels.NewBuilder(l).Del(labels.AlertName).Labels(), Value: number(value),
		Firing: true, ActiveAt: a.RaisedAt, FiredAt: a.RaisedAt,
	}
}

// assignRule finds the rule of a record without one, and returns the record of that rule.
func (s *Set) assignRule(r *record) (*Rule, *record) {
	for _, rule := range s.Rules() {
		if !rule.mayHaveRaised(r.Labels) {
			continue
		}
		c := *r
		c.Rule = rule.UID
		rest := labels.NewBuilder(c.Sample)
		for _, t := range rule.labels {
			rest.Del(t.name)
		}
		if rule.severity.name != "" {
			rest.Del(severityLabel)
		}
		c.Sample = rest.Labels()
		return rule, &c
	}
	return nil, r
}

// mayHaveRaised reports whether an alert of the rule may have those labels.
func (r *Rule) mayHaveRaised(alert labels.Labels) bool {
	if r.Alert == "" || r.Alert != alert.Get(labels.AlertName) {
		return false
	}
	return !slices.ContainsFunc(r.labels, func(t text) bool { return !t.template && alert.Get(t.name) != t.value })
}

func withSeverity(l labels.Labels, severity string) labels.Labels {
	if severity == "" {
		return l
	}
	return labels.NewBuilder(l).Set(severityLabel, severity).Labels()
}
