package agent

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"trapline/internal/snmp"
)

// Faults is how a device misbehaves. The zero value is a device that is well. Shares are from 0 to 1;
// which requests they hit depends on Seed and on nothing else.
type Faults struct {
	Dead bool // it never answers
	Seed uint64

	Latency time.Duration // from request to answer
	Jitter  time.Duration // up to so much more, at random

	// PerVarBind makes the device serial: each binding takes it so long, and answers wait for each other.
	PerVarBind time.Duration
	// Queue is how many requests a serial device lets wait. One more is lost. 0 means no limit.
	Queue int

	Loss       float64 // share of requests that are ignored
	Duplicate  float64 // share of answers sent twice
	Reorder    float64 // share of answers sent only after the next one
	Truncate   float64 // share of answers cut off somewhere
	Corrupt    float64 // share of answers with one octet changed
	Garbage    float64 // share of answers replaced by random octets
	WrongID    float64 // share of answers with a request-id that nobody sent
	HugeLength float64 // share of answers whose header declares 2 GB

	// FailFrom makes requests that reach this OID or pass it fail, with FailStatus or else genErr.
	FailFrom   snmp.OID
	FailStatus snmp.ErrorStatus
	// LoopAfter makes the successor of the object at (or last before) this OID the object LoopBack
	// positions before it: with LoopBack 0 that object itself again.
	LoopAfter snmp.OID
	LoopBack  int
}

// oddities is what a device's faults make of a recording.
type oddities struct {
	failFrom       int // position from which on requests fail
	status         snmp.ErrorStatus
	loopAt, loopTo int // the position that is never reached, and what comes instead
}

func (d *device) oddities(r *Recording) oddities {
	o := oddities{failFrom: r.Len() + 1, loopAt: -1}
	if d.faulty == nil {
		return o
	}
	f := &d.faulty.Faults
	if len(f.FailFrom) > 0 {
		o.failFrom, _ = r.find(f.FailFrom)
		o.status = f.FailStatus
	}
	if len(f.LoopAfter) > 0 {
		i, found := r.find(f.LoopAfter)
		if found {
			i++
		}
		if i > 0 {
			o.loopAt, o.loopTo = i, max(i-1-f.LoopBack, 0)
		}
	}
	return o
}

// faulty is the state of a device that misbehaves. Only the goroutine of its socket touches it.
type faulty struct {
	Faults
	rng      *rand.Rand
	finishes []time.Time // when a serial device is done with each request it has accepted
	held     []delivery  // at most one answer, to be sent after the next
}

// newFaulty gives nil for a device that is well.
func newFaulty(f *Faults, device uint64) *faulty {
	if reflect.ValueOf(f).Elem().IsZero() {
		return nil
	}
	made := &faulty{Faults: *f, rng: rand.New(rand.NewPCG(f.Seed, device))}
	if made.FailStatus == snmp.NoError {
		made.FailStatus = snmp.GenErr
	}
	return made
}

// ignores tells whether the request just received goes unanswered.
func (f *faulty) ignores() bool { return f != nil && (f.Dead || f.hits(f.Loss)) }

// hits draws whether a fault of this share strikes. Faults that a device does not have draw nothing.
func (f *faulty) hits(share float64) bool { return share > 0 && f.rng.Float64() < share }

// deliver sends an answer to a request that arrived now, in the way and at the time the faults want.
func (f *faulty) deliver(l *later, d delivery, now time.Time, bindings int) {
	due, ok := f.finish(now, bindings)
	if !ok {
		return
	}
	due = due.Add(f.Latency)
	if f.Jitter > 0 {
		due = due.Add(time.Duration(f.rng.Int64N(int64(f.Jitter) + 1)))
	}
	d.due = due
	d.data = f.damage(d.data)
	if len(f.held) == 0 && f.hits(f.Reorder) {
		d.data = slices.Clone(d.data)
		f.held = append(f.held, d)
		return
	}
	l.push(&d, now)
	if f.hits(f.Duplicate) {
		l.push(&d, now)
	}
	for i := range f.held {
		f.held[i].due = due
		l.push(&f.held[i], now)
	}
	f.held = f.held[:0]
}

// finish is when a serial device is done with a request that arrived now. ok is false where its queue
// is full.
func (f *faulty) finish(now time.Time, bindings int) (due time.Time, ok bool) {
	if f.PerVarBind <= 0 {
		return now, true
	}
	f.finishes = slices.DeleteFunc(f.finishes, func(t time.Time) bool { return !t.After(now) })
	busy := len(f.finishes)
	if f.Queue > 0 && busy > f.Queue {
		return now, false
	}
	due = now
	if busy > 0 {
		due = f.finishes[busy-1]
	}
	due = due.Add(time.Duration(bindings) * f.PerVarBind)
	f.finishes = append(f.finishes, due)
	return due, true
}

// damage changes an answer on its way.
func (f *faulty) damage(b []byte) []byte {
	if f.hits(f.WrongID) {
		if m, err := snmp.ParseMessage(b); err == nil {
			m.RequestID ^= 0x55aa55
			b = snmp.AppendMessage(nil, &m)
		}
	}
	if f.hits(f.HugeLength) {
		b = append([]byte{b[0], 0x84, 0x7f, 0xff, 0xff, 0xff}, b[2:]...)
	}
	if f.hits(f.Corrupt) {
		b[f.rng.IntN(len(b))] = byte(f.rng.Uint32())
	}
	if f.hits(f.Garbage) {
		for i := range b {
			b[i] = byte(f.rng.Uint32())
		}
	}
	if f.hits(f.Truncate) {
		b = b[:f.rng.IntN(len(b))]
	}
	return b
}
