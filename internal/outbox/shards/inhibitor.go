package shards

import (
	"encoding/json"
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
