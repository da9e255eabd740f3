package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/store"
	"trapline/internal/rules/known"
)

// Receiver takes over batches for a shard that is owned, and of which nothing is loaded.
type Receiver struct {
	Store  ledger.Store
	Shard  string
	Alive  time.Time // up to when the rules of the shard missed no evaluation; never zero
	Now    time.Time // by the wall clock
	Logger *slog.Logger
}

// Receive takes over the batches. The alarms of the shard go on: one that is in a batch too, because it was raised anew, has been
// active for as long as that, is acknowledged as that was, and is not sent again.
func (r *Receiver) Receive(ctx context.Context, batches []string) error {
	for _, batch := range slices.Sorted(slices.Values(batches)) {
		if err := r.receive(ctx, batch); err != nil {
			return fmt.Errorf("batch %s: %w", batch, err)
		}
	}
	return nil
}

// arrival is a batch on its way into a shard.
type arrival struct {
	*Receiver
	batch   string
	header  Header
	records map[string][]byte // of the batch, by key
}

func (r *Receiver) receive(ctx context.Context, batch string) error {
	a := &arrival{Receiver: r, batch: batch, records: map[string][]byte{}}
	there := false
	err := load(ctx, r.Store, r.Shard, []string{inbox(batch, "")}, func(key string, text []byte) error {
		name, is := strings.CutPrefix(key, inbox(batch, "")+"/")
		switch {
		case is:
			a.records[name] = slices.Clone(text)
		case key == inbox(batch, ""):
			there = true
			return json.Unmarshal(text, &a.header)
		}
		return nil
	})
	if err != nil || !there {
		return err
	}
	if !a.header.Settled {
		if err := a.settle(ctx); err != nil {
			return err
		}
	}
	n := len(a.records)
	var lists [][]ledger.Write
	for _, key := range sorted(a.records) {
		list, err := a.take(key, a.records[key])
		if err != nil {
			r.Logger.Error("a record that was moved to a shard cannot be read", "shard", r.Shard, "key", key, "err", err)
		}
		lists = append(lists, append(list, a.delete(key)))
	}
	lists = append(lists, []ledger.Write{a.delete("")})
	if err := commits(lists, func(part []ledger.Write) error { return r.Store.Commit(ctx, part) }); err != nil {
		return err
	}
	r.Logger.Debug("a shard has taken over what was moved to it", "shard", r.Shard, "from", a.header.From, "records", n)
	return nil
}

// load is ledger.Load of records that may be unreadable to others, and are none here.
func load(ctx context.Context, from ledger.Store, shard string, prefixes []string, each ledger.Each) error {
	err := ledger.Load(ctx, from, shard, prefixes, each)
	if found := (*ledger.Damage)(nil); errors.As(err, &found) {
		return found.Err
	}
	return err
}

func (a *arrival) delete(key string) ledger.Write {
	return ledger.Write{Shard: a.Shard, Key: inbox(a.batch, key)}
}

func (a *arrival) put(key string, value []byte) ledger.Write {
	return ledger.Write{Shard: a.Shard, Key: key, Value: value}
}

// settle settles the conflicts of the batch with the shard: alarms and alerts that both have become one, and of the others the shard's
// stays. Then it notes that, with the numbers that rows and events will have.
func (a *arrival) settle(ctx context.Context) error {
	own := &shardRecords{alarms: map[string][]byte{}, places: map[string]bool{}}
	if err := load(ctx, a.Store, a.Shard, append([]string{ledger.Number}, kinds...), own.read); err != nil {
		return err
	}
	var lists [][]ledger.Write
	for _, key := range sorted(a.records) {
		if merged, conflict := a.merge(key, own); conflict {
			list := []ledger.Write{a.delete(key)}
			if merged != nil {
				list = append(list, a.put(key, merged))
			}
			lists = append(lists, list)
			delete(a.records, key)
		}
	}
	if err := commits(lists, func(part []ledger.Write) error { return a.Store.Commit(ctx, part) }); err != nil {
		return err
	}
	first, last := a.counters()
	if last == 0 {
		first, last = 1, 1
	}
	a.header.Settled, a.header.Base = true, own.seq+1-first
	return a.Store.Commit(ctx, []ledger.Write{
		a.put(inbox(a.batch, ""), encode(&a.header)), a.put(ledger.Number, strconv.AppendUint(nil, a.header.Base+last, 10)),
	})
}

// shardRecords are the records of the shard that may be in conflict with others.
type shardRecords struct {
	seq    uint64
	alarms map[string][]byte // alarms, alerts, looks and silences, by key
	places map[string]bool   // keys of views, also of those that only rows have
}

func (s *shardRecords) read(key string, text []byte) error {
	kind, name := cutKind(key)
	switch kind {
	case ledger.Number:
		s.seq, _ = strconv.ParseUint(string(text), 10, 64)
	case ledger.View:
		s.places[key] = true
	case ledger.Out:
		if at := placeOf(name, text); at != "" {
			s.places[at] = true
		}
	case ledger.Alarm, ledger.Alert, ledger.Look, ledger.Silence:
		s.alarms[key] = bytes.Clone(text)
	}
	return nil
}

// placeOf returns the key of the view that a row is about; "" if it is about none.
func placeOf(name string, text []byte) string {
	var r store.RowRecord
	receiver, _ := ledger.CutReceiver(name)
	if json.Unmarshal(text, &r) != nil || r.Line == "" {
		return ""
	}
	return viewKey(receiver, r.Line)
}

// counters returns the first and the last counter in the batch; 0 if there is none.
func (a *arrival) counters() (first, last uint64) {
	note := func(n uint64) {
		if n != 0 && (first == 0 || n < first) {
			first = n
		}
		last = max(last, n)
	}
	for key, text := range a.records {
		switch kind, name := cutKind(key); kind {
		case ledger.Alarm:
			var s alarm.State
			if json.Unmarshal(text, &s) == nil {
				note(s.Number)
			}
		case ledger.Event:
			n, _ := ledger.ParseNumber(name)
			note(n)
		case ledger.Out, ledger.Dead:
			_, digits := ledger.CutReceiver(name)
			n, _ := ledger.ParseNumber(digits)
			note(n)
		}
	}
	return first, last
}

// merge reports whether a record is in conflict with one of the shard, and returns what both are together; nil if that of the shard
// stays as it is.
func (a *arrival) merge(key string, own *shardRecords) (merged []byte, conflict bool) {
	kind, name := cutKind(key)
	text, is := a.records[key], own.alarms[key]
	switch kind {
	case ledger.View:
		return nil, own.places[key] && !a.header.More
	case ledger.Out:
		return nil, own.places[placeOf(name, text)] && !a.header.More
	case ledger.Alarm, ledger.Alert, ledger.Look, ledger.Silence:
		if is == nil {
			return nil, false
		}
	}
	switch kind {
	case ledger.Alarm:
		merged, _ = a.mergeAlarms(is, text)
	case ledger.Alert:
		return a.mergeAlerts(is, text)
	case ledger.Look:
		merged, _ = mergeLooks(is, text)
	}
	return merged, is != nil
}

// mergeAlarms returns an alarm of the shard with whatever is known of it from before.
func (a *arrival) mergeAlarms(own, other []byte) ([]byte, error) {
	is, was := &alarm.State{}, &alarm.State{}
	if err := errors.Join(json.Unmarshal(own, is), json.Unmarshal(other, was)); err != nil {
		return nil, err
	}
	if was.RaisedAt.Before(is.RaisedAt) {
		is.RaisedAt, is.Run = was.RaisedAt, a.run(was.Run)
	}
	if is.Ack == nil {
		is.Ack = was.Ack
	}
	for _, c := range was.Conditions {
		if is.Find(c.Source) == nil && len(is.Conditions) < alarm.MaxConditions {
			if c.Lease != 0 {
				c.Lease += a.by()
			}
			is.Conditions = append(is.Conditions, c)
		}
	}
	if is.In == nil {
		is.In = map[string]string{}
	}
	for receiver, key := range was.In {
		if is.In[receiver] == "" {
			is.In[receiver] = key
		}
	}
	return json.Marshal(is)
}

// mergeAlerts merges an alert of the shard with one from before. One that was sent comes before one that is held by its baseline,
// and that before a pending one; of the same state, the one that has been active for longer.
func (a *arrival) mergeAlerts(own, other []byte) (merged []byte, conflict bool) {
	var is, was alertTimes
	if json.Unmarshal(other, &was) != nil {
		return nil, true
	}
	if json.Unmarshal(own, &is) != nil || was.state() > is.state() {
		return nil, false
	}
	if was = a.alive(was); is.state() > was.state() || !was.ActiveAt.Before(is.ActiveAt) {
		return nil, true
	}
	is.ActiveAt, is.FiredAt = was.ActiveAt, was.FiredAt
	merged, _ = withTimes(own, &is)
	return merged, true
}

func (t *alertTimes) state() int {
	switch {
	case !t.Firing:
		return 0
	case t.Baseline:
		return 1
	}
	return 2
}

// alive returns times such that as much has passed for `for` and keep_firing_for when the shard's rules were last evaluated as had when
// those of the alert were.
func (a *arrival) alive(t alertTimes) alertTimes {
	if a.header.Alive.IsZero() {
		return t
	}
	by := a.Alive.Sub(a.header.Alive)
	if !t.Firing {
		t.ActiveAt = t.ActiveAt.Add(by)
	}
	if !t.KeepFiringSince.IsZero() {
		t.KeepFiringSince = t.KeepFiringSince.Add(by)
	}
	return t
}

// mergeLooks returns what either look has seen.
func mergeLooks(own, other []byte) ([]byte, error) {
	is, err := known.ReadLook(own)
	if err != nil {
		return nil, err
	}
	was, err := known.ReadLook(other)
	if err != nil {
		return nil, err
	}
	is.Rules = append(is.Rules, was.Rules...)
	slices.Sort(is.Rules)
	is.Rules = slices.Compact(is.Rules)
	all := maps.Clone(was.Known)
	for text, octets := range is.Known {
		all[text] = known.Union(octets, all[text])
	}
	is.Known = all
	return json.Marshal(&is)
}

// by returns how much later run times are for a member now.
func (a *arrival) by() float64 {
	by := shards.Run(a.Now).Seconds() - a.header.Run
	if !a.header.Process { // the clock of the last owner may be ahead
		by = min(by, 0)
	}
	return by
}

// run returns a run time as a member has it now; 0 is none.
func (a *arrival) run(run float64) float64 {
	if run == 0 {
		return 0
	}
	return a.time(run)
}

// time is run of a record that always has a run time.
func (a *arrival) time(run float64) float64 {
	return math.Min(run+a.by(), shards.Run(a.Now).Seconds())
}

func (a *arrival) number(counter uint64) uint64 {
	if counter == 0 {
		return 0
	}
	return shards.NumberIn(a.Shard, a.header.Base+counter)
}

// take returns the write of a record of the batch as the shard has it.
func (a *arrival) take(key string, text []byte) ([]ledger.Write, error) {
	kind, name := cutKind(key)
	receiver, digits := "", name
	if kind == ledger.Out || kind == ledger.Dead {
		receiver, digits = ledger.CutReceiver(name)
		kind = ledger.Of(kind, receiver)
	}
	switch kind, _ := cutKind(key); kind {
	case ledger.Out, ledger.Dead, ledger.Event:
		n, err := ledger.ParseNumber(digits)
		if err != nil {
			return nil, err
		}
		digits = ledger.Numbered("", a.number(n))
	}
	value, err := a.value(key, text)
	if err != nil {
		return nil, err
	}
	return []ledger.Write{a.put(kind+digits, value)}, nil
}

// value returns the value of a record of the batch as the shard has it.
func (a *arrival) value(key string, text []byte) ([]byte, error) {
	switch kind, _ := cutKind(key); kind {
	case ledger.Alarm:
		return changed(text, func(s *alarm.State) {
			s.Number, s.Run = a.number(s.Number), a.run(s.Run)
			for i := range s.Conditions {
				if c := &s.Conditions[i]; c.Lease != 0 {
					c.Lease += a.by()
				}
			}
		})
	case ledger.View:
		return changed(text, func(v *alarm.View) { v.After, v.Run = a.number(v.After), a.run(v.Run) })
	case ledger.Out:
		return changed(text, func(r *store.RowRecord) {
			r.Event, r.After, r.Run = a.number(r.Event), a.number(r.After), a.time(r.Run)
		})
	case ledger.Silence:
		return changed(text, func(s *mute.Silence) { s.Clear = a.run(s.Clear) })
	case ledger.Alert:
		var t alertTimes
		if err := json.Unmarshal(text, &t); err != nil {
			return nil, err
		}
		t = a.alive(t)
		return withTimes(text, &t)
	}
	return text, nil
}

// changed returns JSON of a value that was changed.
func changed[T any](text []byte, change func(*T)) ([]byte, error) {
	value := new(T)
	if err := json.Unmarshal(text, value); err != nil {
		return nil, err
	}
	change(value)
	return json.Marshal(value)
}
