package alarm

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is an active alarm.
type State struct {
	ID         string            `json:"id"`               // the key of the alarm at receivers
	Number     uint64            `json:"number,omitempty"` // of the raise: later ones are greater; 0 if a release before numbers raised it
	RaisedAt   time.Time         `json:"raised_at"`
	Run        float64           `json:"run,omitempty"`    // the same in run time, in seconds
	Ack        *Ack              `json:"ack,omitempty"`    // nil unless a person has acknowledged the alarm
	Behind     *Behind           `json:"behind,omitempty"` // what is behind the device that the alarm is about, if it is the cause
	Conditions []Condition       `json:"conditions"`       // the active conditions, oldest first; never empty
	In         map[string]string `json:"in,omitempty"`     // by receiver: its key of the alarm
	As         map[string]*Alarm `json:"as,omitempty"`     // by receiver: the alarm as last sent, if it changed since
	Flaps      bool              `json:"-"`                // it comes and goes, and its text says so
	Mutes      []string          `json:"mutes,omitempty"`  // the reasons of mutes that the journal has; they are computed anew
}

// Ack is the acknowledgement of an alarm by a person. It ends with the alarm.
type Ack struct {
	By       string    `json:"by"`
	Comment  string    `json:"comment,omitempty"`
	At       time.Time `json:"at"`
	Sticky   bool      `json:"sticky,omitempty"` // it does not end when the alarm gets worse
	Until    time.Time `json:"until,omitzero"`   // when it ends; zero means with the alarm
	Severity Severity  `json:"severity"`         // of the alarm when it was acknowledged
}

// Quiet are how many alarms are muted, acknowledged, and either of it.
type Quiet struct{ Muted, Acknowledged, Either int }

// CountQuiet counts alarms.
func CountQuiet(states map[string]*State) (q Quiet) {
	for _, s := range states {
		muted, acknowledged := len(s.Mutes) > 0, s.Ack != nil
		if muted {
			q.Muted++
		}
		if acknowledged {
			q.Acknowledged++
		}
		if muted || acknowledged {
			q.Either++
		}
	}
	return q
}

// Outdated returns why the acknowledgement of an active alarm has ended, "" if it has not.
func (s *State) Outdated(now time.Time) string {
	switch {
	case s.Ack == nil:
		return ""
	case !s.Ack.Until.IsZero() && !now.Before(s.Ack.Until):
		return "its time is over"
	case !s.Ack.Sticky && s.Alarm().Severity.Compare(s.Ack.Severity) < 0:
		return "the alarm got worse"
	}
	return ""
}

// Behind are the devices that are down because another one is.
type Behind struct {
	Count int      `json:"count"`
	Names []string `json:"names"` // the first ones
}

// maxBehind is how many names an alarm has.
const maxBehind = 20

// Follow notes the devices behind the one that the alarm is about, unless there are less than twice as many as are
// noted. It reports whether it did.
func (s *State) Follow(names []string) bool {
	if len(names) == 0 || s.Behind != nil && len(names) < 2*s.Behind.Count {
		return false
	}
	s.Behind = &Behind{Count: len(names), Names: names[:min(len(names), maxBehind)]}
	return true
}

// Text returns the end of a summary.
func (b *Behind) Text() string {
	if b.Count == 1 {
		return "; 1 device is behind it"
	}
	return fmt.Sprintf("; %d devices are behind it", b.Count)
}

// Condition is a reason why an alarm is active: an alert of a rule, or an alert received from
// outside.
type Condition struct {
	Source string  `json:"source"`          // identifies the alert
	Alarm  Alarm   `json:"alarm"`           // the alarm with the attributes of this condition
	Lease  float64 `json:"lease,omitempty"` // expiry in run time, in seconds, unless it is renewed; 0 means never
}

// MaxConditions is the maximum number of conditions of an alarm.
const MaxConditions = 16

// Clone returns a copy whose conditions and keys may be modified.
func (s *State) Clone() *State {
	if s == nil {
		return nil
	}
	c := *s
	c.Conditions, c.In, c.As = slices.Clone(s.Conditions), maps.Clone(s.In), maps.Clone(s.As)
	return &c
}

// Find returns the condition of source, or nil.
func (s *State) Find(source string) *Condition {
	if i := slices.IndexFunc(s.Conditions, func(c Condition) bool { return c.Source == source }); i >= 0 {
		return &s.Conditions[i]
	}
	return nil
}

// End removes the condition of source.
func (s *State) End(source string) {
	s.Conditions = slices.DeleteFunc(s.Conditions, func(c Condition) bool { return c.Source == source })
}

// worst returns the most severe condition, of equals the oldest.
func (s *State) worst() *Condition {
	worst := &s.Conditions[0]
	for i := range s.Conditions {
		if c := &s.Conditions[i]; c.Alarm.Severity.Compare(worst.Alarm.Severity) < 0 {
			worst = c
		}
	}
	return worst
}

// Alarm returns the alarm of the worst condition.
func (s *State) Alarm() *Alarm {
	a := s.worst().Alarm
	a.ID, a.Number, a.RaisedAt, a.Ack, a.Behind = s.ID, s.Number, s.RaisedAt, s.Ack, s.Behind
	if s.Flaps {
		a.Summary += " (comes and goes)"
	}
	if s.Behind != nil {
		a.Summary += s.Behind.Text()
	}
	return &a
}

// Severity returns the severity of the worst condition.
func (s *State) Severity() Severity { return s.worst().Alarm.Severity }

// IsWorst reports whether source is the worst condition.
func (s *State) IsWorst(source string) bool { return s.worst().Source == source }

// join records the receiver's key of the alarm.
func (s *State) join(receiver, key string) {
	if s.In == nil {
		s.In = map[string]string{}
	}
	s.In[receiver] = key
	delete(s.As, receiver)
}

// leave removes the receiver's key of the alarm.
func (s *State) leave(receiver string) {
	delete(s.In, receiver)
	delete(s.As, receiver)
}

// knownAs returns the alarm as last sent to the receiver; was, unless recorded otherwise.
func (s *State) knownAs(receiver string, was *Alarm) *Alarm {
	if as := s.As[receiver]; as != nil {
		return as
	}
	return was
}

// KnownAs returns the alarm as last sent to the receiver, with its acknowledgement.
func (s *State) KnownAs(receiver string) *Alarm {
	a := *s.knownAs(receiver, s.Alarm())
	a.Ack = s.Ack
	return &a
}

// keep records the alarm as last sent to the receiver, if its keys have changed.
func (s *State) keep(receiver string, was *Alarm) {
	if s.As[receiver] != nil || sameShape(was, s.Alarm()) {
		return
	}
	if s.As == nil {
		s.As = map[string]*Alarm{}
	}
	s.As[receiver] = was
}

// sameShape reports whether every receiver has the same key for both alarms.
func sameShape(a, b *Alarm) bool {
	return a.Variable == b.Variable && a.Address == b.Address && a.Notification == b.Notification &&
		a.ClearNotification == b.ClearNotification && maps.Equal(a.Labels, b.Labels)
}

// Size returns the approximate size of the alarm in octets.
func (s *State) Size() int {
	n := 100
	for i := range s.Conditions {
		n += s.Conditions[i].Alarm.Size()
	}
	return n
}

// SameEvent reports whether two alarms differ only in volatile values, which are neither sent nor
// stored.
func SameEvent(a, b *Alarm) bool {
	return SaysSame(a, b) && sameShape(a, b) && a.ClearSummary == b.ClearSummary &&
		slices.Equal(a.Receivers, b.Receivers) && slices.Equal(a.Tags, b.Tags)
}

// SaysSame reports whether two alarms have the same severity and, ignoring volatile values, the
// same text.
func SaysSame(a, b *Alarm) bool { return a.Severity == b.Severity && digest(a) == digest(b) }

// digest returns a hash of the alarm's text that ignores volatile values.
func digest(a *Alarm) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' || r == '-' {
			return -1
		}
		return r
	}, a.Summary)))
	if a.Behind != nil {
		_, _ = h.Write(strconv.AppendInt(nil, int64(a.Behind.Count), 10))
	}
	return h.Sum64()
}
