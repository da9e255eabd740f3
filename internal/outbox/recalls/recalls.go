// Package recalls reads from the journal what earlier processes have sent. What is not found in time is not recalled.
package recalls

import (
	"context"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/outbox/outcomes"
	"trapline/internal/outbox/queue"
)

// most is the maximum duration of a recall.
const most = 10 * time.Second

// kinds are those of outcomes of events that were sent.
var kinds = []string{journal.Acknowledged, journal.Sent}

// Delivery is an event for a receiver.
type Delivery struct{ Receiver, Event string }

// Outcomes calls found with the outcomes of deliveries, by kind, the oldest first.
func Outcomes(ctx context.Context, j *journal.Journal, missing map[Delivery]alarm.Place, found func([]outcomes.End)) {
	if len(missing) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for _, kind := range kinds {
		entries, _ := j.Query(ctx, journal.Query{Kind: kind, Limit: len(missing), Match: func(e *journal.Event) bool {
			_, wanted := missing[Delivery{e.Receiver, e.Event}]
			return wanted
		}})
		var list []outcomes.End
		for _, e := range slices.Backward(entries) {
			list = append(list, outcomes.End{At: missing[Delivery{e.Receiver, e.Event}], Event: e.Event, Sent: e.At, Took: took(&e), Tries: e.Tries})
		}
		found(list)
	}
}

// Day counts the notifications that were sent on the day of now, up to the last entry of earlier processes.
func Day(ctx context.Context, j *journal.Journal, now time.Time, last uint64) (day outcomes.Day) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for _, kind := range kinds {
		_, _ = j.Query(ctx, journal.Query{Kind: kind, Since: outcomes.Midnight(now), Before: last + 1, Match: func(e *journal.Event) bool {
			day.Add([]journal.Event{*e})
			return false
		}})
	}
	return day
}

// Acks returns when a receiver acknowledged last, and how fast it did the last times.
func Acks(ctx context.Context, j *journal.Journal, receiver string) (last time.Time, times []time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for _, kind := range kinds {
		found, _ := j.Query(ctx, journal.Query{Kind: kind, Receiver: receiver, Limit: queue.TallyTimes})
		for _, e := range slices.Backward(found) {
			if e.At.After(last) {
				last = e.At
			}
			if e.Millis > 0 {
				times = append(times, took(&e))
			}
		}
	}
	return last, times
}

// took returns the time from sending to acknowledgment.
func took(e *journal.Event) time.Duration { return time.Duration(e.Millis * float64(time.Millisecond)) }
