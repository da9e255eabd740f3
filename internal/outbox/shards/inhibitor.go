package shards

import (
	"encoding/json"
	"maps"
	"strings"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
)

// Inhibitor is an active alarm that inhibits others, by inhibit rules. All members of a cluster know those of all shards.
type Inhibitor struct {
	Shard, Key string
	State      *alarm.State // nil if it inhibits none any more
}

// Write returns the write of the record. It has no more of the alarm than rules compare.
func (i *Inhibitor) Write() (ledger.Write, error) {
	w := ledger.Write{Shard: i.Shard, Key: ledger.Named(ledger.Inhibit, i.Key)}
	if i.State == nil {
		return w, nil
	}
	a := i.State.Alarm()
	bare := &alarm.State{ID: i.State.ID, RaisedAt: i.State.RaisedAt, Conditions: []alarm.Condition{{
		Alarm: alarm.Alarm{Rule: a.Rule, Target: a.Target, Resource: a.Resource, Severity: a.Severity, Labels: a.Labels},
	}}}
	var err error
	w.Value, err = json.Marshal(bare)
	return w, err
}

// ReadInhibitor reads a record that another member has written. One that cannot be read inhibits nothing.
func ReadInhibitor(w *ledger.Write) (i Inhibitor, ok bool) {
	if i.Key, ok = strings.CutPrefix(w.Key, ledger.Inhibit); !ok {
		return i, false
	}
	i.Shard = w.Shard
	s := &alarm.State{}
	if json.Unmarshal(w.Value, s) == nil && s.ID != "" && len(s.Conditions) == 1 {
		i.State = s
	}
	return i, true
}

// SameInhibitor reports whether a record that was read is that of an alarm.
func SameInhibitor(r, s *alarm.State) bool {
	same := func(s *alarm.State) bool {
		a, b := r.Alarm(), s.Alarm()
		return r.ID == s.ID && r.RaisedAt.Equal(s.RaisedAt) && a.Rule == b.Rule && a.Target == b.Target && a.Resource == b.Resource && a.Severity == b.Severity && maps.Equal(a.Labels, b.Labels)
	}
	if same(s) {
		return true
	}
	w, err := (&Inhibitor{State: s}).Write() // a record does not have text that is no UTF-8 as it was
	i, _ := ReadInhibitor(&w)
	return err != nil || i.State != nil && same(i.State)
}
