package queue

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/alarm"
)

// Whatever is pushed, locked, given up and tried again: the rows of an alarm queue are delivered in order and one at a
// time, each is taken in the end, and the counts agree with the rows.
func TestRowsAreDeliveredInOrder(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 12))
		q := New(&Route{Name: "nms", Window: 1 + random.IntN(4)}, nil)
		severities := []alarm.Severity{alarm.Critical, alarm.Major, alarm.Minor, alarm.Warning}
		var now time.Duration
		var inFlight []*Row
		last := map[string]uint64{} // by alarm queue, the row delivered last
		seq, delivered := uint64(0), 0
		push := func() {
			seq++
			id := fmt.Sprint(random.IntN(8))
			r := &Row{Event: alarm.Event{ID: fmt.Sprint(seq), Kind: alarm.Raise, Alarm: alarm.Alarm{ID: id, Severity: severities[random.IntN(len(severities))]}}}
			if random.IntN(4) == 0 {
				r.After = uint64(random.IntN(int(seq))) // an earlier row, or none
			}
			r.Stamp(seq, now.Seconds(), 100+random.IntN(100))
			q.Push(r)
		}
		take := func() {
			r, _, wait := q.Take(now)
			if r == nil {
				now += max(wait, time.Second)
				return
			}
			if first := q.AlarmQueue(r.QueueKey())[0]; first != r {
				t.Fatalf("seed %d: row %d is sent before row %d", seed, r.seq, first.seq)
			}
			if q.index[r.After] != nil {
				t.Fatalf("seed %d: row %d is sent before row %d is gone", seed, r.seq, r.After)
			}
			inFlight = append(inFlight, r)
		}
		end := func(fails bool) {
			if len(inFlight) == 0 {
				return
			}
			i := random.IntN(len(inFlight))
			r := inFlight[i]
			inFlight = append(inFlight[:i], inFlight[i+1:]...)
			if fails {
				err := errors.New("no answer")
				q.Ended(r, now, 1, err)
				q.Miss(r, now, Failure{Err: err, Tries: 1}, false)
				return
			}
			q.Ended(r, now, 1, nil)
			q.Reach()
			q.Lock(r)
			if random.IntN(4) == 0 { // the transaction fails
				q.Release(r)
				q.Again(r, now)
				return
			}
			if r.seq <= last[r.QueueKey()] {
				t.Fatalf("seed %d: row %d is delivered after row %d", seed, r.seq, last[r.QueueKey()])
			}
			last[r.QueueKey()] = r.seq
			q.Remove(r)
			delivered++
		}
		for range 2000 {
			switch random.IntN(4) {
			case 0:
				push()
			case 1:
				end(random.IntN(5) == 0)
			default:
				take()
			}
			size, ids := 0, map[string]bool{}
			for _, r := range q.Rows() {
				size += r.Size()
				ids[r.QueueKey()] = true
			}
			firsts := 0
			for range q.Firsts() {
				firsts++
			}
			if q.Len() != len(q.Rows()) || q.Size() != size || firsts != len(ids) || q.InFlight() != len(inFlight) || q.InFlight() > q.Route.Window {
				t.Fatalf("seed %d: %d rows of %d octets in %d alarm queues, %d in flight", seed, q.Len(), q.Size(), firsts, q.InFlight())
			}
		}
		for n := 0; q.Len() > 0; n++ {
			if n > 100_000 {
				t.Fatalf("seed %d: %d rows are never sent", seed, q.Len())
			}
			take()
			end(false)
		}
		if delivered != int(seq) || len(q.awaited) > 0 || len(q.blocked) > 0 {
			t.Errorf("seed %d: %d of %d rows, %d awaited, %d blocked", seed, delivered, seq, len(q.awaited), len(q.blocked))
		}
	}
}
