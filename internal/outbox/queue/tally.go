package queue

import (
	"slices"
	"time"
)

// Tally counts the outcomes of deliveries to a receiver, to be shown to users. Minutes start at zero with the process.
type Tally struct {
	minutes [tallyMinutes]Minute
	times   [TallyTimes]time.Duration // from sending to acknowledgment, the last ones in a ring
	timed   int                       // the number of times ever recorded
	lastAck time.Time
}

// TallyTimes is how many times an answer time is the median of.
const TallyTimes = 64

const tallyMinutes = 30

// Minute counts the outcomes of the notifications of one minute.
type Minute struct {
	At           time.Time // its start
	Acknowledged int       // or sent, if the receiver never acknowledges
	Failed       int       // failed tries
}

// Acknowledged records an acknowledgment, or a delivery if the receiver never acknowledges, which took no time then.
func (t *Tally) Acknowledged(now time.Time, took time.Duration) {
	t.lastAck = now
	t.minute(now).Acknowledged++
	if took > 0 {
		t.times[t.timed%TallyTimes] = took
		t.timed++
	}
}

// Failed records a failed try.
func (t *Tally) Failed(now time.Time) { t.minute(now).Failed++ }

// LastAck returns the time of the last acknowledgment, or the zero time.
func (t *Tally) LastAck() time.Time { return t.lastAck }

// Recall records acknowledgments of an earlier process, the oldest first, unless there are later ones.
func (t *Tally) Recall(last time.Time, times []time.Duration) {
	if t.timed == 0 {
		t.timed = copy(t.times[:], times)
	}
	if t.lastAck.IsZero() {
		t.lastAck = last
	}
}

func (t *Tally) minute(now time.Time) *Minute {
	at := now.Truncate(time.Minute)
	m := &t.minutes[at.Unix()/60%tallyMinutes]
	if !m.At.Equal(at) {
		*m = Minute{At: at}
	}
	return m
}

// LastMinutes returns the last 30 minutes, the oldest first.
func (t *Tally) LastMinutes(now time.Time) []Minute {
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

// AnswerTime returns the median of the last times, or 0 if there are none.
func (t *Tally) AnswerTime() time.Duration {
	times := slices.Clone(t.times[:min(t.timed, TallyTimes)])
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)/2]
}
