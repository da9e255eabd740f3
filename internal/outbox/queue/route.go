package queue

import (
	"context"
	"errors"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/originator"
)

// About describes a receiver to users. It contains no secrets.
type About struct {
	Type       string // trap, inform or webhook
	Version    string // of SNMP: 1, 2c or 3; empty for a webhook
	Format     string
	Address    string // or the URL, without parts that may be secret
	Auth       string // the name of its auth
	User       string // of SNMPv3
	CreateUser string // the createUser line of snmptrapd, with … for the passwords
}

// Acknowledges reports whether the receiver acknowledges what it is sent.
func (a *About) Acknowledges() bool { return a.Type == "inform" || a.Type == "webhook" }

// Deliver sends an event to a receiver. It returns nil if the event need not be sent again: the receiver has acknowledged
// it, or never acknowledges. The request-id is the same each time the event is sent.
type Deliver func(ctx context.Context, e *alarm.Event, requestID int32) (originator.Receipt, error)

// ErrWithheld is the error of a delivery that kept an event back, as it is not due: it was not sent.
var ErrWithheld = errors.New("it is muted")

type dueKey struct{}

// WithDue returns a context by which a delivery that takes its time finds out whether its event is still to be sent.
func WithDue(ctx context.Context, due func() bool) context.Context {
	return context.WithValue(ctx, dueKey{}, due)
}

// Due reports whether the event of a delivery is still to be sent.
func Due(ctx context.Context) bool {
	due, ok := ctx.Value(dueKey{}).(func() bool)
	return !ok || due()
}

// Route is the configuration of a receiver. It is immutable: a reload makes another one.
type Route struct {
	Name    string
	About   About
	Deliver Deliver
	Matches func(*alarm.Alarm) bool // nil: every alarm
	Tags    []string                // by which rules select it
	Group   string                  // of which only one receiver is notified; empty if it is always notified

	// Key returns the key by which the receiver identifies an alarm, and whether it is sent changes. nil means ByID.
	Key    func(*alarm.Alarm) (key string, changes bool)
	Scheme string // identifies the attributes that Key uses

	Window          int                     // maximum number of deliveries in flight, of different alarm queues
	Spacing         time.Duration           // from the start of one delivery to the next
	MaxAge          time.Duration           // of an event; it is given up then
	MaxEvents       int                     // maximum number of queued events
	MaxBytes        int                     // maximum of their octets in the database
	RepeatInterval  time.Duration           // interval at which an active alarm is sent again; 0 means never
	Heartbeat       time.Duration           // interval; 0 means none
	Resyncs         bool                    // it supports Resync
	EveryTransition bool                    // an alarm that is cleared before its raise was sent is sent nevertheless
	Active, Mute    []string                // time intervals: it is notified only within one of Active, and not within any of Mute
	Delay           time.Duration           // for which an alarm must be active before it is sent
	UnlessAcked     bool                    // an alarm that a person has acknowledged is not sent
	Acks            bool                    // it is sent acknowledgements
	Forwards        func(*alarm.Event) bool // notifications that were received and are passed on; nil: none
	Times           int                     // how often an event is sent if the receiver never acknowledges; 0 means once
	TimesApart      time.Duration
}

// ByID is the Key of receivers that identify alarms by their IDs.
func ByID(a *alarm.Alarm) (key string, changes bool) { return a.ID, true }

// The values of `notifications.groups`: all receivers of a group are notified, or only the first one that acknowledges.
const (
	GroupAll        = "all"
	GroupFirstAcked = "first-acked"
)

// Wants reports whether the rule of an alarm selects a receiver, by name or by tag. A rule without names and tags selects
// all receivers.
func Wants(a *alarm.Alarm, receiver string, tags []string) bool {
	if len(a.Receivers)+len(a.Tags) == 0 {
		return true
	}
	return slices.Contains(a.Receivers, receiver) || slices.ContainsFunc(tags, func(tag string) bool { return slices.Contains(a.Tags, tag) })
}
