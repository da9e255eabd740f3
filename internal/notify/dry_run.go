package notify

import (
	"errors"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/snmp"
	"trapline/internal/statedir"
)

// DryRun is an outbox whose receivers are not told, but said to have confirmed. It shows what they would
// have been sent.
type DryRun struct {
	State  *statedir.Dir
	Outbox *outbox.Outbox

	receivers map[string]dryReceiver // by name
}

// dryReceiver is how a receiver would be told.
type dryReceiver struct {
	format format // nil for a webhook
	v1     bool
}

// DrySent is a notification that a receiver would have been sent.
type DrySent struct {
	Receiver     string
	Event        alarm.Event
	Notification *originator.Notification // nil for a webhook
	Faults       []string                 // what could not be told as the rule wants it
}

// NewDryRun opens a rehearsal in a directory that is empty. Of shared it needs all but the identity.
func NewDryRun(dir string, receivers []ReceiverSettings, shared *Dependencies, now time.Time) (*DryRun, error) {
	state, err := statedir.Open(dir, nil, now)
	if err != nil {
		return nil, err
	}
	r := &DryRun{State: state, receivers: map[string]dryReceiver{}}
	var routes []*outbox.Route
	for i := range receivers {
		s := &receivers[i]
		key, scheme := newKey(s, shared)
		routes = append(routes, &outbox.Route{Name: s.Name, Matches: s.matches(), Tags: s.Tags, Key: key, Scheme: scheme, EveryTransition: s.EveryTransition})
		how := dryReceiver{v1: shared.Auths[s.Auth] != nil && shared.Auths[s.Auth].Version == 1}
		if !kinds[s.Type].url {
			how.format = newFormat(s, shared)
		}
		r.receivers[s.Name] = how
	}
	if r.Outbox, err = outbox.New(state, routes, outbox.Options{
		Logger: shared.Logger, Metrics: shared.Metrics, Deployment: shared.Settings.Deployment, Ignored: shared.Settings.AlarmIdentityIgnores,
	}, now); err != nil {
		return nil, errors.Join(err, state.Close())
	}
	return r, nil
}

// Sent returns what receivers would have been sent since the last call, in order.
func (r *DryRun) Sent() (list []DrySent) {
	for _, q := range r.Outbox.TakeQueued() {
		if t := r.receivers[q.Receiver].tell(&q, r.State.Identity); t != nil {
			t.Receiver = q.Receiver
			list = append(list, *t)
		}
	}
	return list
}

// tell gives what a receiver would have been sent, nil where its format has nothing for the event.
func (h dryReceiver) tell(q *outbox.Queued, identity *originator.Identity) *DrySent {
	t := &DrySent{Event: q.Event}
	if h.format == nil {
		return t
	}
	d := h.format(&q.Event, maxMessageSize)
	if d.notification == nil {
		return nil
	}
	if h.v1 {
		d.suitV1()
	}
	d.fit(maxMessageSize)
	for _, f := range d.faults {
		t.Faults = append(t.Faults, f.Error())
	}
	d.notification.RequestID, d.notification.Uptime = q.RequestID, identity.Uptime(q.Event.At)
	t.Notification = d.notification
	return t
}

// Close lets go of the directory.
func (r *DryRun) Close() error { return r.State.Close() }

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
func (n Names) VarBind(b *alarm.Binding) (snmp.VarBind, error) {
	oid, at, err := n.find(b.Name)
	if err != nil {
		return snmp.VarBind{}, err
	}
	t, value, err := n.typed(at.Node, b)
	return snmp.VarBind{Name: oid, Type: t, Value: value}, err
}
