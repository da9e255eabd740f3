package transfer

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/store"
)

// collection has the records of a single process, or of a shard.
type collection struct {
	homes  *Homes
	shared bool   // it is of a shard of a cluster
	source string // which

	alarms   map[string]*alarm.State
	alerts   map[string]*alertText
	views    map[alarm.Place]*alarm.View
	events   map[uint64]*eventText                   // by counter, as rows and dead letters
	rows     map[string]map[uint64]*store.RowRecord  // of each receiver
	dead     map[string]map[uint64]*store.DeadLetter // of each receiver
	others   map[string]map[string][]byte            // looks and silences, by kind and name
	unread   []string                                // keys of records that cannot be read
	byID     map[string]*alarm.State                 // alarms
	bySource map[string]*alarm.State                 // by the alerts that are their conditions
}

type alertText struct {
	alertRecord
	text []byte
}

type eventText struct {
	alarm.Event
	text []byte
}

func newCollection(homes *Homes) *collection {
	return &collection{
		homes: homes, alarms: map[string]*alarm.State{}, alerts: map[string]*alertText{}, views: map[alarm.Place]*alarm.View{}, events: map[uint64]*eventText{},
		rows: map[string]map[uint64]*store.RowRecord{}, dead: map[string]map[uint64]*store.DeadLetter{}, others: map[string]map[string][]byte{ledger.Look: {}, ledger.Silence: {}},
		byID: map[string]*alarm.State{}, bySource: map[string]*alarm.State{},
	}
}

// kinds are the kinds of records that a collection has.
var kinds = []string{ledger.Alarm, ledger.Alert, ledger.Dead, ledger.Event, ledger.Look, ledger.Out, ledger.Silence, ledger.View}

// read adds a record. It refuses none: unread has the keys of those that cannot be read.
func (c *collection) read(key string, text []byte) error {
	if err := c.parse(key, slices.Clone(text)); err != nil {
		c.unread = append(c.unread, key)
	}
	return nil
}

var errNoCondition = errors.New("an alarm without a condition")

func (c *collection) parse(key string, text []byte) (err error) {
	kind, name := cutKind(key)
	switch kind {
	case ledger.Alarm:
		s := &alarm.State{}
		if err = json.Unmarshal(text, s); err == nil && len(s.Conditions) == 0 {
			err = errNoCondition
		}
		if err != nil {
			return err
		}
		c.alarms[name], c.byID[s.ID] = s, s
		for i := range s.Conditions {
			c.bySource[s.Conditions[i].Source] = s
		}
	case ledger.Alert:
		a := &alertText{text: text}
		if err = json.Unmarshal(text, &a.alertRecord); err == nil {
			c.alerts[name] = a
		}
	case ledger.View:
		v := &alarm.View{}
		receiver, k := ledger.CutReceiver(name)
		if err = json.Unmarshal(text, v); err == nil {
			c.views[alarm.Place{Receiver: receiver, Key: k}] = v
		}
	case ledger.Event:
		e := &eventText{text: text}
		number, err := ledger.ParseNumber(name)
		if err == nil {
			err = json.Unmarshal(text, &e.Event)
		}
		if err != nil {
			return err
		}
		c.events[c.counter(number)] = e
	case ledger.Out:
		return numbered(c, c.rows, name, text)
	case ledger.Dead:
		return numbered(c, c.dead, name, text)
	case ledger.Look, ledger.Silence:
		c.others[kind][name] = text
	}
	return err
}

// numbered reads a record of a receiver.
func numbered[T any](c *collection, to map[string]map[uint64]*T, name string, text []byte) error {
	receiver, digits := ledger.CutReceiver(name)
	number, err := ledger.ParseNumber(digits)
	value := new(T)
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		return err
	}
	if to[receiver] == nil {
		to[receiver] = map[uint64]*T{}
	}
	to[receiver][c.counter(number)] = value
	return nil
}

func (c *collection) counter(number uint64) uint64 {
	if c.shared {
		return shards.CounterIn(number)
	}
	return number
}

func (c *collection) number(counter uint64) uint64 {
	if c.shared {
		return shards.NumberIn(c.source, counter)
	}
	return counter
}

// moved returns the key of a place in another shard.
func (c *collection) moved(place, shard string) string {
	if c.shared {
		place = shards.CutPlace(place)
	}
	return shards.PlaceIn(shard, place)
}

// alarmHome returns the shard of an active alarm.
func (c *collection) alarmHome(s *alarm.State) string {
	for i := range s.Conditions {
		if a := c.alerts[s.Conditions[i].Source]; a != nil {
			return c.ruleHome(a)
		}
	}
	return c.home(&s.Conditions[0].Alarm)
}

func (c *collection) alertHome(id string) string {
	if s := c.bySource[id]; s != nil {
		return c.alarmHome(s)
	}
	return c.ruleHome(c.alerts[id])
}

func (c *collection) ruleHome(a *alertText) string {
	if c.homes.global(a.Rule, "") {
		return c.homes.Target("")
	}
	return c.homes.Target(a.Labels[targetLabel])
}

// home returns the shard of an alarm that need not be active.
func (c *collection) home(a *alarm.Alarm) string {
	switch {
	case alarm.OfProcess(a.Rule):
		return shards.Local
	case c.homes.global("", a.Rule):
		return c.homes.Target("")
	}
	return c.homes.Target(a.Target)
}

// eventHome returns the shard of a row or a dead letter, the key of its place there, and that of the place that it is in.
func (c *collection) eventHome(e *alarm.Event, line string) (shard, to, from string) {
	from = cmp.Or(line, e.Alarm.ID)
	switch s := c.byID[e.Alarm.ID]; {
	case e.Kind == alarm.Forward:
		return shards.Local, line, from
	case e.Alarm.ID == "":
		return c.homes.Target(""), line, cmp.Or(line, string(e.Kind))
	case s != nil:
		shard = c.alarmHome(s)
	default:
		shard = c.home(&e.Alarm)
	}
	return shard, c.moved(from, shard), from
}

// item is a record that goes to a shard.
type item struct {
	shard string
	unit  string // those of one unit belong together
	rank  int    // those of a unit that is too large for one batch are in this order
	from  string // its key, and the one that it gets
	to    string
	keep  bool // others need the original too
	value any  // []byte is stored as it is

	receiver string // of a row or a view
}

// Alarms follow the views of receivers, and whatever waits for them.
const (
	rankRow = iota
	rankView
	rankAlarm
)

func viewKey(receiver, key string) string { return ledger.Named(ledger.Of(ledger.View, receiver), key) }

// items returns the records with the shards that they go to, and not those that are of no use any more.
func (c *collection) items() (list []*item) {
	units := store.Units{}
	for key, s := range c.alarms {
		units.JoinAlarm(key, s)
	}
	add := func(one item, unit string) {
		one.unit = units.Of(unit)
		list = append(list, &one)
	}
	at := c.addAlarms(add)
	c.addViews(add, at)
	c.addRows(add)
	c.addDead(add)
	for kind, records := range c.others {
		for name, text := range records {
			key, shard := ledger.Named(kind, name), c.homes.Target("")
			if kind == ledger.Look {
				shard = c.homes.Target(name)
			}
			add(item{shard: shard, from: key, to: key, value: text, rank: rankView}, key)
		}
	}
	slices.SortFunc(list, func(a, b *item) int {
		return cmp.Or(cmp.Compare(a.shard, b.shard), cmp.Compare(a.unit, b.unit), cmp.Compare(a.rank, b.rank), cmp.Compare(a.to, b.to))
	})
	return list
}

// addAlarms adds the alarms and alerts, and returns the shards of the places that the alarms are in.
func (c *collection) addAlarms(add func(item, string)) map[alarm.Place]map[string]bool {
	in := map[alarm.Place]map[string]bool{}
	for key, s := range c.alarms {
		shard, is := c.alarmHome(s), s.Clone()
		for receiver, k := range s.In {
			at := alarm.Place{Receiver: receiver, Key: k}
			if in[at] == nil {
				in[at] = map[string]bool{}
			}
			in[at][shard] = true
			is.In[receiver] = c.moved(k, shard)
		}
		is.Number = c.counter(s.Number)
		from := ledger.Named(ledger.Alarm, key)
		add(item{shard: shard, from: from, to: from, value: is, rank: rankAlarm}, from)
	}
	for id, a := range c.alerts {
		from := ledger.Named(ledger.Alert, id)
		add(item{shard: c.alertHome(id), from: from, to: from, value: a.text, rank: rankAlarm}, from)
	}
	return in
}

// addViews adds the views, which are of use if there is an alarm, or if its clear was given up.
func (c *collection) addViews(add func(item, string), in map[alarm.Place]map[string]bool) {
	for at, v := range c.views {
		homes := in[at]
		if homes == nil && v.Lost != nil {
			homes = map[string]bool{c.home(v.Lost): true}
		}
		for shard := range homes {
			is := *v
			is.After = c.counter(v.After)
			from := viewKey(at.Receiver, at.Key)
			add(item{shard: shard, from: from, to: viewKey(at.Receiver, c.moved(at.Key, shard)), value: &is, rank: rankView, keep: len(homes) > 1, receiver: at.Receiver}, from)
		}
	}
}

func (c *collection) addRows(add func(item, string)) {
	for receiver, rows := range c.rows {
		kind := ledger.Of(ledger.Out, receiver)
		for counter, r := range rows {
			e := c.events[c.counter(r.Event)]
			if e == nil || e.Kind == alarm.Heartbeat {
				continue
			}
			is := *r
			shard, to, from := c.eventHome(&e.Event, r.Line)
			number := c.number(counter)
			is.Event, is.After, is.Request, is.Line = c.counter(r.Event), c.counter(r.After), cmp.Or(r.Request, queue.RequestID(number)), to
			add(item{shard: shard, from: ledger.Numbered(kind, number), to: ledger.Numbered(kind, counter), value: &is, rank: rankRow, receiver: receiver}, viewKey(receiver, from))
		}
	}
}

func (c *collection) addDead(add func(item, string)) {
	for receiver, letters := range c.dead {
		kind := ledger.Of(ledger.Dead, receiver)
		for counter, d := range letters {
			is := *d
			shard, to, from := c.eventHome(&d.Event, d.Line)
			is.Line = to
			add(item{shard: shard, from: ledger.Numbered(kind, c.number(counter)), to: ledger.Numbered(kind, counter), value: &is, rank: rankRow}, viewKey(receiver, from))
		}
	}
}

// records returns the records of a batch by key. Its rows and views refer to rows and events in the batch only.
func (c *collection) records(items []*item) map[string][]byte {
	in := map[string]bool{}
	for _, one := range items {
		in[one.to] = true
	}
	all := make(map[string][]byte, len(items))
	for _, one := range items {
		after := func(counter uint64) uint64 {
			if !in[ledger.Numbered(ledger.Of(ledger.Out, one.receiver), counter)] {
				return 0
			}
			return counter
		}
		switch v := one.value.(type) {
		case []byte:
			all[one.to] = v
		case *store.RowRecord:
			is := *v
			is.After = after(v.After)
			all[ledger.Numbered(ledger.Event, v.Event)] = c.events[v.Event].text
			all[one.to] = encode(&is)
		case *alarm.View:
			is := *v
			is.After = after(v.After)
			all[one.to] = encode(&is)
		default:
			all[one.to] = encode(v)
		}
	}
	return all
}
