package outbox

import (
	"context"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/originator"
)

// About is what is shown of a receiver. It holds no secrets.
type About struct {
	Type       string // trap, inform or webhook
	Version    string // of SNMP: 1, 2c or 3; empty for a webhook
	Format     string
	Address    string // or the URL, without what may be a secret
	Auth       string // its name
	User       string // of SNMPv3
	CreateUser string // the line by which snmptrapd knows the user, with … for the passwords
}

// Deliver tells a receiver an event. No error means that it need not be told again: the receiver
// confirmed it, or is of a kind that never does. The request-id is the same whenever the event is told.
type Deliver func(ctx context.Context, e *alarm.Event, requestID int32) (originator.Receipt, error)

// Route is a receiver as the outbox sees it. It is never changed: a reload makes another one.
type Route struct {
	Name    string
	About   About
	Deliver Deliver
	Matches func(*alarm.Alarm) bool // nil: every alarm
	Tags    []string                // by which rules choose it
	Group   string                  // of which one receiver is notified; empty where it is whatever others are

	// Key is what the receiver knows an alarm by, and whether it is sent changes; nil: the alarm's ID, and it is.
	Key    func(*alarm.Alarm) (key string, changes bool)
	Scheme string // names what Key looks at

	Window          int           // deliveries at once, of different lines
	Spacing         time.Duration // from the begin of one delivery to the next
	MaxAge          time.Duration // how long an event is tried
	MaxEvents       int           // how many may wait; see plan.shrink and plan.room
	MaxBytes        int           // how many octets they may take in the database
	RepeatInterval  time.Duration // how often an active alarm is sent again; 0 means never
	Heartbeat       time.Duration // 0 means none
	Resyncs         bool          // it understands Resync
	EveryTransition bool          // an alarm that comes and goes unseen is sent all the same
	Times           int           // how often an event is sent to one that never confirms; 0 means once
	TimesApart      time.Duration
}

// ByID is what receivers know alarms by that are shown their IDs.
func ByID(a *alarm.Alarm) (key string, changes bool) { return a.ID, true }

// What `notifications.groups` may say of receivers that share a group: each is told, or one of them.
const (
	GroupAll        = "all"
	GroupFirstAcked = "first-acked"
)

// Wants reports whether the rule of an alarm, which may name receivers or tags, wants this receiver notified; without
// any, all are.
func Wants(a *alarm.Alarm, receiver string, tags []string) bool {
	if len(a.Receivers)+len(a.Tags) == 0 {
		return true
	}
	return slices.Contains(a.Receivers, receiver) || slices.ContainsFunc(tags, func(tag string) bool { return slices.Contains(a.Tags, tag) })
}

// known are the words of a list that exist.
func known(words []string, exist map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !exist[word] })
}
