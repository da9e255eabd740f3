package notify

import (
	"errors"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
)

// DryRun is an outbox that sends nothing and treats each delivery as acknowledged. Sent returns the notifications
// that would have been sent.
type DryRun struct {
	State  *statedir.Dir
	Outbox *outbox.Outbox

	receivers map[string]dryReceiver // by name
}

// dryReceiver is the format and the version of a receiver.
type dryReceiver struct {
	format format // nil for a webhook
	v1     bool
}

// DrySent is a notification that a receiver would have been sent.
type DrySent struct {
	Receiver     string
	Event        alarm.Event
	Notification *originator.Notification // nil for a webhook
	Faults       []string                 // parts of the rule that could not be sent as written
}

// NewDryRun opens a DryRun in an empty directory. It needs all fields of shared except Identity.
func NewDryRun(dir string, receivers []ReceiverSettings, shared *Dependencies, now time.Time) (*DryRun, error) {
	state, err := statedir.Open(dir, nil, now)
	if err != nil {
		return nil, err
	}
	r := &DryRun{State: state, receivers: map[string]dryReceiver{}}
	var routes []*queue.Route
	for i := range receivers {
		s := &receivers[i]
		key, scheme := newKey(s, shared)
		routes = append(routes, &queue.Route{Name: s.Name, Matches: s.matches(shared.Targets), Tags: s.Tags, Key: key, Scheme: scheme, EveryTransition: s.EveryTransition})
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

// Sent returns the notifications that would have been sent since the last call, in order.
func (r *DryRun) Sent() (list []DrySent) {
	for _, q := range r.Outbox.TakeQueued() {
		if t := r.receivers[q.Receiver].sent(&q, r.State.Identity); t != nil {
			t.Receiver = q.Receiver
			list = append(list, *t)
		}
	}
	return list
}

// sent returns the notification that would be sent for q, or nil if the format of the receiver has none for the event.
func (h dryReceiver) sent(q *outbox.Queued, identity *originator.Identity) *DrySent {
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

// Close releases the directory.
func (r *DryRun) Close() error { return r.State.Close() }
