package api

import (
	"fmt"
	"maps"
	"sync"
	"time"
)

// What answers about targets and the process take from parts that others answer for.

// alarmIndex are how many alarms are active. Version changes when they do.
type alarmIndex struct {
	counts   AlarmCounts
	byTarget map[string]int
	version  uint64
	at       time.Time
}

// alarmsAge is how old an alarmIndex may be.
const alarmsAge = time.Second

// counted keeps the last alarmIndex.
type counted struct {
	mu   sync.Mutex
	last *alarmIndex
}

func (a *API) alarmIndex() *alarmIndex {
	c := &a.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.last != nil && now.Sub(c.last.at) < alarmsAge && !now.Before(c.last.at) {
		return c.last
	}
	next := &alarmIndex{counts: AlarmCounts{BySeverity: map[string]int{}}, byTarget: map[string]int{}, at: now}
	if a.options.Outbox != nil {
		for _, one := range a.options.Outbox.Conditions() {
			next.counts.Total++
			next.counts.BySeverity[one.Severity.String()]++
			next.byTarget[one.Target]++
		}
	}
	if c.last != nil {
		next.version = c.last.version
		if !maps.Equal(next.byTarget, c.last.byTarget) {
			next.version++
		}
	}
	c.last = next
	return next
}

// configStatus is which configuration runs.
func (a *API) configStatus() ConfigStatus {
	if a.options.Configuration.Status == nil {
		return ConfigStatus{Files: []string{}, Errors: []ConfigError{}, Warnings: []string{}}
	}
	return a.options.Configuration.Status()
}

// attentionTo says that the last reload was refused.
func attentionTo(c *ConfigStatus, now time.Time) []Attention {
	if c.Refused.IsZero() {
		return []Attention{}
	}
	text := fmt.Sprintf("The last reload was refused; the configuration of %s runs.", clock(c.LoadedAt, now))
	if len(c.Errors) > 0 {
		e := c.Errors[0]
		text += " " + e.Text + "."
		if e.Line > 0 {
			text = fmt.Sprintf("The last reload was refused; the configuration of %s runs. %s:%d: %s.", clock(c.LoadedAt, now), e.File, e.Line, e.Text)
		}
		if more := len(c.Errors) - 1; more > 0 {
			text += fmt.Sprintf(" %d more errors.", more)
		}
	}
	return []Attention{{Kind: "refused", Text: text, Path: "/configuration", Since: c.Refused}}
}
