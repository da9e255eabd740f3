package poller

import (
	"maps"
	"slices"
	"strings"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/series"
)

// State is the outcome of a target's last poll.
type State uint8

// The states. A target is Partial that answered, but of which something is missing.
const (
	Waiting State = iota // its first poll has not ended
	Up
	Partial
	Down
)

func (s State) String() string { return [...]string{"waiting", "up", "partial", "down"}[s] }

// State returns the state of the target after the pass; of a nil Pass it is Waiting.
func (p *Pass) State() State {
	switch {
	case p == nil:
		return Waiting
	case !p.Up:
		return Down
	case p.Err != nil || len(p.Duplicates) > 0:
		return Partial
	}
	return Up
}

// Summary is a row of the list of targets, as of the end of its last poll. It is immutable.
type Summary struct {
	Target   *Target
	Last     *Pass     // nil before the first poll has ended
	Answered *Pass     // the last that was answered, which is Last unless the target is down; nil if none was
	Identity *Identity // nil while it is unknown
	Search   string    // name, address, sysName and labels in lower case, one in a line
	State    State
	Since    time.Time // when it entered State; zero while it waits
	Paused   string    // why it is not polled, so that State is of before; "" if it is
	Samples  int       // of Last
	Outcomes Outcomes
	Presence *series.Presence // of the metrics in answered polls; nil if there was none
	Changes  []Change         // of State, the newest last
}

// Change is a change of a target's state.
type Change struct {
	At     time.Time
	State  State
	Reason string // the value of the label reason; "" of Up
	Text   string // why, in one sentence
}

// maxChanges is how many changes of its state are kept of a target.
const maxChanges = 10

// Unpolled is the summary of a target that another process polls.
func Unpolled(t *Target) *Summary { return &Summary{Target: t, Search: search(t, nil)} }

// search returns the text in which words of a query are looked up.
func search(t *Target, id *Identity) string {
	parts := []string{t.Name, t.Spec.Address}
	if id != nil {
		parts = append(parts, id.SysName)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
		parts = append(parts, t.Labels[name])
	}
	return strings.ToLower(strings.Join(parts, "\n"))
}

// describes reports whether another summary of the target has the same to say about the device itself, as far as queries
// select targets by it.
func (u *Summary) describes(other *Summary) bool {
	a, b := u.Answered, other.Answered
	return u.State == other.State && u.Search == other.Search && u.Identity.sysName() == other.Identity.sysName() &&
		(a == nil) == (b == nil) && (a == nil || a.profile() == b.profile()) && u.Last.resembles(other.Last)
}

// resembles reports whether another pass of the target had the same modules, and the same reasons of errors.
func (p *Pass) resembles(other *Pass) bool {
	if p == nil || other == nil {
		return p == other
	}
	reasons := func(a, b *access.Error) bool { return a.Reason == b.Reason }
	names := func(a, b *collector.Module) bool { return a.Name == b.Name }
	return (len(p.Duplicates) == 0) == (len(other.Duplicates) == 0) && slices.EqualFunc(p.Errors, other.Errors, reasons) &&
		slices.EqualFunc(p.Modules, other.Modules, names)
}

// profile is the name of the most specific profile that auto found, "" without auto.
func (p *Pass) profile() string {
	if p.Choice == nil {
		return ""
	}
	return p.Choice.Profile()
}

func (id *Identity) sysName() string {
	if id == nil {
		return ""
	}
	return id.SysName
}

// change describes the state that u has entered.
func (u *Summary) change(at time.Time) Change {
	c := Change{At: at, State: u.State}
	if problems := u.Problems(); len(problems) > 0 {
		c.Reason, c.Text = string(problems[0].Reason), problems[0].First()
	}
	return c
}

// Identity is read from the system group and the entity table of a device.
type Identity struct {
	SysName, SysDescr, SysLocation, SysContact string
	SysObjectID                                string // dotted numbers
	Serial                                     string // of the first physical entity
	Booted                                     time.Time
	At                                         time.Time // when it was asked
}
