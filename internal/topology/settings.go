package topology

import (
	"fmt"
	"slices"
	"time"

	"trapline/internal/mute"
	"trapline/internal/setting"
)

// Settings are the `topology` section: which devices do not answer because others do not.
type Settings struct {
	Roots      []string         `yaml:"roots,omitempty"`      // targets next to Trapline, from which links are followed in both directions; default: the targets without parents, and links lead from parents
	Neighbours Neighbours       `yaml:"neighbours,omitempty"` // protocols by which targets are asked for their neighbours once an hour, if there are roots: lldp and cdp by default, [] for none
	Hold       setting.Duration `yaml:"hold,omitempty"`       // how long a device's alarm waits for polls of those that it is reached by, beside their timeouts; default 10s
	Down       []string         `yaml:"down,omitempty"`       // matchers of the alarms that say that a device does not answer; default ['alertname="DeviceDown"']
}

// Neighbours are names of protocols.
type Neighbours []string

// IsZero reports whether the default holds.
func (n Neighbours) IsZero() bool { return n == nil }

var protocols = []string{"lldp", "cdp"}

// Protocols returns the names of the protocols by which targets are asked for their neighbours. Without roots, nothing
// would follow from the answers.
func (s *Settings) Protocols() []string {
	switch {
	case len(s.Roots) == 0:
		return nil
	case s.Neighbours == nil:
		return protocols
	}
	return s.Neighbours
}

// DefaultHold is the default of hold.
const DefaultHold = 10 * time.Second

var defaultDown = []string{`alertname="DeviceDown"`}

// Problems returns the errors in the settings.
func (s *Settings) Problems() []setting.Problem {
	var m setting.Problems
	for i, text := range s.Down {
		if _, err := mute.Parse(text); err != nil {
			m.Add(fmt.Sprintf("down[%d]", i), "%v", err)
		}
	}
	for i, name := range s.Neighbours {
		if !slices.Contains(protocols, name) {
			m.Add(fmt.Sprintf("neighbours[%d]", i), "there is no protocol %q: write lldp or cdp", name)
		}
	}
	return m
}

// NameSet are the names of targets.
type NameSet struct {
	list []string
	all  map[string]bool
}

// Names returns the set of names.
func Names(list []string) *NameSet {
	s := &NameSet{list: list, all: map[string]bool{}}
	for _, name := range list {
		s.all[name] = true
	}
	return s
}

// Check returns the first error of a list of names, "" if all are known. self is no valid name.
func (s *NameSet) Check(names []string, self string) (index int, text string) {
	for i, name := range names {
		switch {
		case name == self && self != "":
			return i, "a target is no parent of itself"
		case !s.all[name]:
			text := fmt.Sprintf("there is no target %q", name)
			if question := setting.DidYouMean(name, s.list); question != "" {
				text += ": " + question
			}
			return i, text
		}
	}
	return 0, ""
}

func (s *Settings) hold() time.Duration {
	if s.Hold.Duration > 0 {
		return s.Hold.Duration
	}
	return DefaultHold
}

// Matchers returns the matchers of Down.
func (s *Settings) Matchers() (mute.Matchers, error) {
	if len(s.Down) == 0 {
		return mute.ParseAll(defaultDown)
	}
	return mute.ParseAll(s.Down)
}
