package outbox

import (
	"slices"
	"time"
)

// tally counts the outcomes of deliveries to a receiver, to be shown to users. It starts at zero with the process.
type tally struct {
	day     int // of the year, of today
	today   int // acknowledged
	minutes [tallyMinutes]Minute
	times   [tallyTimes]time.Duration // from sending to acknowledgment, the last ones in a ring
	timed   int                       // the number of times ever recorded
	lastAck time.Time
}

const tallyMinutes, tallyTimes = 30, 64

// Minute counts the outcomes of the notifications of one minute.
type Minute struct {
	At           time.Time // its start
	Acknowledged int       // or sent, if the receiver never acknowledges
	Failed       int       // failed tries
}

func (t *tally) acknowledged(now time.Time, took time.Duration) {
	t.lastAck = now
	t.turn(now)
	t.today++
	t.minute(now).Acknowledged++
	if took > 0 {
		t.times[t.timed%tallyTimes] = took
		t.timed++
	}
}

func (t *tally) failed(now time.Time) { t.minute(now).Failed++ }

// turn resets today if a new day has begun.
func (t *tally) turn(now time.Time) {
	if day := now.YearDay(); day != t.day {
		t.day, t.today = day, 0
	}
}

func (t *tally) minute(now time.Time) *Minute {
	at := now.Truncate(time.Minute)
	m := &t.minutes[at.Unix()/60%tallyMinutes]
	if !m.At.Equal(at) {
		*m = Minute{At: at}
	}
	return m
}

// lastMinutes returns the last tallyMinutes minutes, the oldest first.
func (t *tally) lastMinutes(now time.Time) []Minute {
	list := make([]Minute, 0, tallyMinutes)
	first := now.Truncate(time.Minute).Add(-(tallyMinutes - 1) * time.Minute)
	for i := range tallyMinutes {
		at := first.Add(time.Duration(i) * time.Minute)
		m := t.minutes[at.Unix()/60%tallyMinutes]
		if !m.At.Equal(at) {
			m = Minute{At: at}
		}
		list = append(list, m)
	}
	return list
}

// answerTime returns the median of the last times, or 0 if there are none.
func (t *tally) answerTime() time.Duration {
	times := slices.Clone(t.times[:min(t.timed, tallyTimes)])
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)/2]
}
