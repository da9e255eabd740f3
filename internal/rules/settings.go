package rules

import (
	"fmt"
	"time"

	"trapline/internal/setting"
)

// Settings is the section `rules` of the configuration.
type Settings struct {
	OnPollFailure string           `yaml:"on_poll_failure,omitempty"` // alarms of a target that does not answer: freeze (default) or resolve
	Interval      setting.Duration `yaml:"interval,omitempty"`        // how often rules over several targets are evaluated; default 1m
}

// The values of OnPollFailure.
const (
	freeze  = "freeze" // they stay as they are
	resolve = "resolve"
)

// Problems reports unknown words.
func (s *Settings) Problems() []setting.Problem {
	switch s.OnPollFailure {
	case "", freeze, resolve:
		return nil
	}
	return []setting.Problem{{Path: "on_poll_failure", Text: fmt.Sprintf("%q: write %s or %s", s.OnPollFailure, freeze, resolve)}}
}

func (s *Settings) interval() time.Duration {
	if s.Interval.Duration > 0 {
		return s.Interval.Duration
	}
	return defaultInterval
}

// defaultInterval is how often global rules are evaluated whose group does not say.
const defaultInterval = time.Minute
