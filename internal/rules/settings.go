package rules

import (
	"cmp"
	"fmt"
	"time"

	"trapline/internal/mute"
	"trapline/internal/setting"
)

// Settings is the section `rules` of the configuration.
type Settings struct {
	OnPollFailure string             `yaml:"on_poll_failure,omitempty"` // alarms of a target that does not answer: freeze (default) or resolve
	Flap          *mute.FlapSettings `yaml:"flap,omitempty"`            // alarms that come and go are muted until they are quiet; default never
	Interval      setting.Duration   `yaml:"interval,omitempty"`        // how often rules over several targets are evaluated; default 1m
}

// The values of OnPollFailure.
const (
	freeze  = "freeze" // they stay as they are
	resolve = "resolve"
)

// Problems reports unknown words.
func (s *Settings) Problems() []setting.Problem {
	if s.OnPollFailure == "" || s.OnPollFailure == freeze || s.OnPollFailure == resolve {
		return nil
	}
	return []setting.Problem{{Path: "on_poll_failure", Text: fmt.Sprintf("%q: write %s or %s", s.OnPollFailure, freeze, resolve)}}
}

func (s *Settings) interval() time.Duration {
	return cmp.Or(max(s.Interval.Duration, 0), defaultInterval)
}

// defaultInterval is how often global rules are evaluated whose group does not say.
const defaultInterval = time.Minute
