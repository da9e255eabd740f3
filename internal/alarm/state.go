package alarm

import (
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"
)

// State is an active alarm.
type State struct {
	ID         string            `json:"id"` // what receivers know the alarm by
	RaisedAt   time.Time         `json:"raised_at"`
	Conditions []Condition       `json:"conditions"`   // what makes it active, the oldest first; never empty
	In         map[string]string `json:"in,omitempty"` // by receiver: the key under which that knows the alarm
	As         map[string]*Alarm `json:"as,omitempty"` // by receiver: how that knows it, where it has been shown otherwise since
}

// Condition is one reason for which an alarm is active: an alert of a rule, or one that somebody sends.
type Condition struct {
	Source string  `json:"source"`          // which alert
	Alarm  Alarm   `json:"alarm"`           // as this condition shows it
	Lease  float64 `json:"lease,omitempty"` // when it ends unless it is said again, in run seconds; 0 means never
}

// MaxConditions is how many conditions an alarm may have.
const MaxConditions = 16

// Clone returns a copy whose conditions and keys may be changed.
func (s *State) Clone() *State {
	if s == nil {
		return nil
	}
	c := *s
	c.Conditions, c.In, c.As = slices.Clone(s.Conditions), maps.Clone(s.In), maps.Clone(s.As)
	return &c
}

// Find returns the condition of a source, nil without one.
func (s *State) Find(source string) *Condition {
	if i := slices.IndexFunc(s.Conditions, func(c Condition) bool { return c.Source == source }); i >= 0 {
		return &s.Conditions[i]
	}
	return nil
}

// End removes the condition of a source.
func (s *State) End(source string) {
	s.Conditions = slices.DeleteFunc(s.Conditions, func(c Condition) bool { return c.Source == source })
}

// worst is the condition that the alarm shows: the worst, of equals the oldest.
func (s *State) worst() *Condition {
	worst := &s.Conditions[0]
	for i := range s.Conditions {
		if c := &s.Conditions[i]; c.Alarm.Severity.Compare(worst.Alarm.Severity) < 0 {
			worst = c
		}
	}
	return worst
}

// Alarm returns the alarm as its worst condition shows it.
func (s *State) Alarm() *Alarm {
	a := s.worst().Alarm
	a.ID, a.RaisedAt = s.ID, s.RaisedAt
	return &a
}

// IsWorst reports whether the alarm shows the condition of a source.
func (s *State) IsWorst(source string) bool { return s.worst().Source == source }

// join puts the alarm under a key of a receiver.
func (s *State) join(receiver, key string) {
	if s.In == nil {
		s.In = map[string]string{}
	}
	s.In[receiver] = key
	delete(s.As, receiver)
}

// leave takes it from under a key.
func (s *State) leave(receiver string) {
	delete(s.In, receiver)
	delete(s.As, receiver)
}

// knownAs is how a receiver knows the alarm: as it was, if not otherwise.
func (s *State) knownAs(receiver string, was *Alarm) *Alarm {
	if as := s.As[receiver]; as != nil {
		return as
	}
	return was
}

// keep notes how a receiver knows the alarm, which is shown otherwise from now on.
func (s *State) keep(receiver string, was *Alarm) {
	if s.As[receiver] != nil || sameShape(was, s.Alarm()) {
		return
	}
	if s.As == nil {
		s.As = map[string]*Alarm{}
	}
	s.As[receiver] = was
}

// sameShape reports whether two alarms have the same keys, whatever these look at.
func sameShape(a, b *Alarm) bool {
	return a.Variable == b.Variable && a.Address == b.Address && a.Notification == b.Notification &&
		a.ClearNotification == b.ClearNotification && maps.Equal(a.Labels, b.Labels)
}

// Size is about how many octets the alarm takes.
func (s *State) Size() int {
	n := 100
	for i := range s.Conditions {
		n += s.Conditions[i].Alarm.Size()
	}
	return n
}

// SameEvent reports whether two alarms say the same but for values that move: nothing is sent of the difference,
// and nothing is stored.
func SameEvent(a, b *Alarm) bool {
	return SaysSame(a, b) && sameShape(a, b) && a.ClearSummary == b.ClearSummary &&
		slices.Equal(a.Receivers, b.Receivers) && slices.Equal(a.Tags, b.Tags)
}

// SaysSame reports whether two alarms have the same severity and the same text, but for values that move.
func SaysSame(a, b *Alarm) bool { return a.Severity == b.Severity && digest(a) == digest(b) }

// digest is that of the text of an alarm by what it says: a value that moves makes no other text.
func digest(a *Alarm) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' || r == '-' {
			return -1
		}
		return r
	}, a.Summary)))
	return h.Sum64()
}
