package notify

import (
	"errors"
	"slices"
	"time"

	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// Rehearsal is an outbox whose receivers are not told, but said to have confirmed. It shows what they would
// have been sent.
type Rehearsal struct {
	State  *State
	Outbox *Outbox

	receivers map[string]rehearsed // by name
}

// rehearsed is how a receiver would be told.
type rehearsed struct {
	format format // nil for a webhook
	v1     bool
}

// Told is what a receiver would have been sent.
type Told struct {
	Receiver     string
	Event        Event
	Notification *originator.Notification // nil for a webhook
	Faults       []string                 // what could not be told as the rule wants it
}

// Rehearse opens a rehearsal in a directory that is empty. Of shared it needs all but the identity.
func Rehearse(dir string, receivers []ReceiverSettings, shared *Shared, now time.Time) (*Rehearsal, error) {
	state, err := Open(dir, nil, now)
	if err != nil {
		return nil, err
	}
	r := &Rehearsal{State: state, receivers: map[string]rehearsed{}}
	var routes []*Route
	for i := range receivers {
		s := &receivers[i]
		key, scheme := newKey(s, shared)
		routes = append(routes, &Route{Name: s.Name, Matches: s.matches(), Tags: s.Tags, Key: key, Scheme: scheme, EveryTransition: s.EveryTransition})
		how := rehearsed{v1: shared.Auths[s.Auth] != nil && shared.Auths[s.Auth].Version == 1}
		if !kinds[s.Type].url {
			how.format = newFormat(s, shared)
		}
		r.receivers[s.Name] = how
	}
	if r.Outbox, err = NewOutbox(state, routes, OutboxOptions{
		Logger: shared.Logger, Metrics: shared.Metrics, Deployment: shared.Settings.Deployment, Ignored: shared.Settings.AlarmIdentityIgnores,
	}, now); err != nil {
		return nil, errors.Join(err, state.Close())
	}
	return r, nil
}

// Told gives what receivers would have been sent since it was called last, in order.
func (r *Rehearsal) Told() (list []Told) {
	o := r.Outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	var rows []queued
	for _, q := range o.queues {
		for _, line := range q.rows {
			for _, row := range line {
				rows = append(rows, queued{q, row})
			}
		}
	}
	slices.SortFunc(rows, func(a, b queued) int { return bySeq(a.r, b.r) })
	for _, one := range rows {
		one.q.remove(one.r)
		if t := r.receivers[one.q.name].tell(one.r, r.State.Identity); t != nil {
			t.Receiver = one.q.name
			list = append(list, *t)
		}
	}
	return list
}

// tell gives what a receiver would have been sent, nil where its format has nothing for the event.
func (h rehearsed) tell(r *row, identity *originator.Identity) *Told {
	t := &Told{Event: r.Event}
	if h.format == nil {
		return t
	}
	d := h.format(&r.Event, mostOctets)
	if d.Notification == nil {
		return nil
	}
	if h.v1 {
		d.suitV1()
	}
	d.fit(mostOctets)
	for _, f := range d.faults {
		t.Faults = append(t.Faults, f.Error())
	}
	d.RequestID, d.Uptime = r.requestID(), identity.Uptime(r.At)
	t.Notification = d.Notification
	return t
}

// Close lets go of the directory.
func (r *Rehearsal) Close() error { return r.State.Close() }

// NameOf gives the name of a notification, or its number where no MIB knows it.
func (n Names) NameOf(notification snmp.OID) string {
	if t, err := n.tree(); err == nil && t != nil {
		if i := t.Object(notification); i.Node != nil && len(i.Index) == 0 {
			return i.String()
		}
	}
	return notification.String()
}

// VarBind makes the variable binding that a rule's is sent as.
func (n Names) VarBind(b *Binding) (snmp.VarBind, error) {
	oid, at, err := n.find(b.Name)
	if err != nil {
		return snmp.VarBind{}, err
	}
	t, value, err := n.typed(at.Node, b)
	return snmp.VarBind{Name: oid, Type: t, Value: value}, err
}
