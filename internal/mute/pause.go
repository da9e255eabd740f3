package mute

import (
	"fmt"
	"slices"
	"time"

	"trapline/internal/setting"
)

// alarmLabels are labels that alarms have, and targets do not.
var alarmLabels = []string{"alertname", "severity", "resource"}

// pauseProblems returns the errors of matchers that are to select targets.
func (w *WindowSettings) pauseProblems() []setting.Problem {
	var m setting.Problems
	if w.Poll == nil || *w.Poll {
		return nil
	}
	for i, text := range w.Matchers {
		list, _ := Parse(text) // Problems reports the error
		for _, one := range list {
			if slices.Contains(alarmLabels, one.Name) {
				m.Add(fmt.Sprintf("matchers[%d]", i), "with poll: false, matchers select targets, which have no label %s: match target or the labels of targets", one.Name)
			}
		}
	}
	return m
}

// Paused returns the name of the window in which a target is not polled at a moment, "" if it is polled. r may be nil.
func (r *Rules) Paused(target string, at time.Time) string {
	if r == nil {
		return ""
	}
	for _, w := range r.pauses.get(target) {
		if r.open(w, at) {
			return w.name
		}
	}
	return ""
}

// maxAdjacent is how many windows that follow each other without a pause between them count as one.
const maxAdjacent = 100

// PausedSince returns since when a target that is not polled at a moment is not, the moment itself if it is polled.
func (r *Rules) PausedSince(target string, at time.Time) time.Time {
	if r == nil {
		return at
	}
	for range maxAdjacent {
		begin := at
		for _, w := range r.pauses.get(target) {
			if r.open(w, at) {
				begin = minTime(begin, r.began(w, at))
			}
		}
		before := begin.Add(-time.Nanosecond)
		if begin.Equal(at) && r.Paused(target, at) == "" || r.Paused(target, before) == "" {
			return begin
		}
		at = before
	}
	return at
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// began returns when a window that is open at a moment began, at most Horizon before.
func (r *Rules) began(w *window, at time.Time) time.Time {
	if len(w.during) == 0 {
		if w.from.IsZero() {
			return at.Add(-Horizon)
		}
		return w.from
	}
	for day := at; day.After(at.Add(-Horizon)); day = day.Add(-24 * time.Hour) {
		for _, moment := range slices.Backward(r.moments(w, day.Add(-24*time.Hour), day)) {
			if !moment.After(at) && r.open(w, moment) && !r.open(w, moment.Add(-time.Nanosecond)) {
				return moment
			}
		}
	}
	return at.Add(-Horizon)
}
