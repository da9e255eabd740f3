package poller

import (
	"fmt"
	"time"
)

// PausedError is why a target is not polled although it was asked for.
type PausedError struct{ Target, Why string }

func (e *PausedError) Error() string { return fmt.Sprintf("%s is not polled: %s", e.Target, e.Why) }

// pausedNow reports whether a target is not polled. u may be nil.
func (u *Summary) pausedNow() bool { return u != nil && u.Paused != "" }

// paused returns why a target is not polled, "" if it is.
func (p *Poller) paused(name string) string {
	if p.options.Paused == nil {
		return ""
	}
	return p.options.Paused(name, time.Now())
}

// pauses reports whether a poll that is due is left out, because the target is paused. All that is known of it stays as it
// is.
func (p *Poller) pauses(s *state) bool {
	why := p.paused(s.target.Name)
	if why != s.summary.Load().Paused {
		s.update(func(u *Summary) { u.Paused = why })
		p.version.Add(1)
		if why == "" {
			p.options.Logger.Info("target is polled again", "target", s.target.Name)
		} else {
			p.options.Logger.Info("target paused", "target", s.target.Name, "why", why)
		}
	}
	if why == "" {
		return false
	}
	p.pulse.beat()
	if !s.running.Load() {
		s.rest()
	}
	return true
}
