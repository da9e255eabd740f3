package outbox

import (
	"slices"
	"time"
)

// tally counts what became of deliveries to a receiver, for those who look. It begins anew with the process.
type tally struct {
	day     int // of the year, of today
	today   int // acknowledged
	minutes [tallyMinutes]Minute
	times   [tallyTimes]time.Duration // from sending to acknowledgement, the last ones in a ring
	timed   int                       // how many there were
	lastAck time.Time
}

const tallyMinutes, tallyTimes = 30, 64

// Minute is what became of the notifications of one minute.
type Minute struct {
	At           time.Time // its begin
	Acknowledged int       // or where the receiver never acknowledges, sent
	Failed       int       // tries
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

// turn begins a new day.
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

// lastMinutes are those up to now, the oldest first.
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

// answerTime is the median of the last times, 0 without any.
func (t *tally) answerTime() time.Duration {
	times := slices.Clone(t.times[:min(t.timed, tallyTimes)])
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)/2]
}
