package mute

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"trapline/internal/alarm"
)

// State is the state of a silence.
type State string

// The states of a silence, with the words of Alertmanager's API.
const (
	Pending State = "pending"
	Active  State = "active"
	Expired State = "expired"
)

// Silence mutes the alarms that its matchers select, from StartsAt until EndsAt. It is immutable.
type Silence struct {
	ID          string            `json:"id"`
	Matchers    Matchers          `json:"matchers"`
	StartsAt    time.Time         `json:"starts_at"`
	EndsAt      time.Time         `json:"ends_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
	CreatedBy   string            `json:"created_by"`
	Comment     string            `json:"comment"`
	Annotations map[string]string `json:"annotations,omitempty"`

	Noted   State   `json:"noted"`             // the state that the journal has
	Matched bool    `json:"matched,omitempty"` // it has matched an alarm since it began
	Clear   float64 `json:"clear,omitempty"`   // with UntilClear: since when it matches no active alarm, in run seconds; 0 if it does
}

// The bounds of silences.
const (
	MaxSilences     = 10_000
	MaxSilenceSize  = 64 << 10 // octets
	MaxSilencesSize = 32 << 20 // octets of all together
	Retention       = 120 * time.Hour
)

// UntilClear is the annotation of a silence that ends early, once the alarms that it matched have been cleared for
// ClearTime, if its value is "true".
const UntilClear = "until_clear"

// ClearTime is how long no alarm is active that a silence with UntilClear matches before the silence ends.
const ClearTime = 10 * time.Minute

// StateAt returns the state at a moment.
func (s *Silence) StateAt(now time.Time) State {
	switch {
	case !now.Before(s.EndsAt):
		return Expired
	case now.Before(s.StartsAt):
		return Pending
	}
	return Active
}

// Text describes the silence in a line.
func (s *Silence) Text() string {
	return fmt.Sprintf("%s until %s by %s: %s", s.Matchers, s.EndsAt.UTC().Format(time.RFC3339), s.CreatedBy, s.Comment)
}

// Selected reports whether the silence has each of the matchers of a filter, as Alertmanager's API does.
func (s *Silence) Selected(filter Matchers) bool {
	for _, f := range filter {
		if !slices.ContainsFunc(s.Matchers, func(m *labels.Matcher) bool { return m.Type == f.Type && m.Name == f.Name && m.Value == f.Value }) {
			return false
		}
	}
	return true
}

// UntilClear reports whether the silence ends once the alarms that it matched are cleared.
func (s *Silence) UntilClear() bool { return s.Annotations[UntilClear] == "true" }

// keepsID reports whether other, a new version of the silence, keeps its ID: it has the same matchers, and begins in the
// same second or has not begun.
func (s *Silence) keepsID(other *Silence, now time.Time) bool {
	same := slices.EqualFunc(s.Matchers, other.Matchers, func(a, b *labels.Matcher) bool { return a.String() == b.String() })
	switch s.StateAt(now) {
	case Active:
		return same && s.StartsAt.Unix() == other.StartsAt.Unix()
	case Pending:
		return same && !other.StartsAt.Before(now)
	}
	return false
}

// Invalid is the error of a silence that is refused as it is.
type Invalid string

func (e Invalid) Error() string { return string(e) }

// Size returns the size of the silence in octets.
func (s *Silence) Size() int {
	size := len(s.CreatedBy) + len(s.Comment)
	for _, m := range s.Matchers {
		size += len(m.Name) + len(m.Value)
	}
	for name, value := range s.Annotations {
		size += len(name) + len(value)
	}
	return size
}

// Check returns why a silence is refused at a moment, or nil.
func (s *Silence) Check(now time.Time) error {
	selective, size := false, s.Size()
	for _, m := range s.Matchers {
		if m.Name == "" {
			return Invalid("a matcher has no name")
		}
		selective = selective || !m.Matches("")
	}
	switch {
	case len(s.Matchers) == 0:
		return Invalid("matchers: at least one is required")
	case !selective:
		return Invalid("at least one matcher must not match the empty string: the silence would match every alarm")
	case s.StartsAt.IsZero() || s.EndsAt.IsZero():
		return Invalid("startsAt and endsAt are required")
	case !s.EndsAt.After(s.StartsAt):
		return Invalid("endsAt must be after startsAt")
	case !s.EndsAt.After(now):
		return Invalid("endsAt must be in the future")
	case size > MaxSilenceSize:
		return Invalid(fmt.Sprintf("the silence has %d octets, and may have %d", size, MaxSilenceSize))
	}
	return nil
}

// equality returns a matcher that compares a label with a value, or nil: one of a label that most alarms have in
// common only if there is no other.
func equality(m Matchers) (found *labels.Matcher) {
	for _, one := range m {
		if !IsExact(one) {
			continue
		}
		if one.Name != "alertname" && one.Name != alarm.SeverityLabel {
			return one
		}
		if found == nil {
			found = one
		}
	}
	return found
}
