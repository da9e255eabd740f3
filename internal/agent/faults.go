package agent

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"trapline/internal/snmp"
)

// Faults are the faults of a device. The zero value is a healthy device. Shares are from 0 to 1;
// Seed alone determines which requests they affect.
type Faults struct {
	Dead bool // it never answers
	Seed uint64

	Latency time.Duration // from request to response
	Jitter  time.Duration // maximum random addition to Latency

	// PerVarBind makes the device process requests sequentially, each binding in that time.
	PerVarBind time.Duration
	// Queue is the maximum number of requests that wait for a sequential device. Further ones are
	// lost. 0 means no limit.
	Queue int

	Loss       float64 // share of requests that are ignored
	Duplicate  float64 // share of responses sent twice
	Reorder    float64 // share of responses sent after the next one
	Truncate   float64 // share of responses truncated at a random octet
	Corrupt    float64 // share of responses with one octet changed
	Garbage    float64 // share of responses replaced by random octets
	WrongID    float64 // share of responses with an unknown request-id
	HugeLength float64 // share of responses whose header declares 2 GB

	// FailFrom makes requests for this OID or a later one fail, with FailStatus or else genErr.
	FailFrom   snmp.OID
	FailStatus snmp.ErrorStatus
	// LoopAfter replaces the successor of the object at (or last before) this OID with the object
	// LoopBack positions before it: with LoopBack 0, with that object itself.
	LoopAfter snmp.OID
	LoopBack  int
}

// quirks are the faults that depend on a position in the recording.
type quirks struct {
	failFrom       int // requests fail from this position on
	status         snmp.ErrorStatus
	loopAt, loopTo int // the position that is replaced, and its replacement
}

func (d *device) quirks(r *Recording) quirks {
	o := quirks{failFrom: r.Len() + 1, loopAt: -1}
	if d.faulty == nil {
		return o
	}
	f := &d.faulty.Faults
	if len(f.FailFrom) > 0 {
		o.failFrom, _ = r.Find(f.FailFrom)
		o.status = f.FailStatus
	}
	if len(f.LoopAfter) > 0 {
		i, found := r.Find(f.LoopAfter)
		if found {
			i++
		}
		if i > 0 {
			o.loopAt, o.loopTo = i, max(i-1-f.LoopBack, 0)
		}
	}
	return o
}

// faulty is the state of a device with faults. Only the goroutine of its socket uses it.
type faulty struct {
	Faults
	rng      *rand.Rand
	finishes []time.Time // when a sequential device finishes each accepted request
	held     []delivery  // at most one response, to be sent after the next
}

// newFaulty returns nil for a healthy device.
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

// ignores reports whether the device ignores the request just received.
func (f *faulty) ignores() bool { return f != nil && (f.Dead || f.hits(f.Loss)) }

// hits reports at random whether a fault with this share occurs. A share of 0 consumes no random
// number.
func (f *faulty) hits(share float64) bool { return share > 0 && f.rng.Float64() < share }

// deliver sends the response to a request received at now, subject to the faults.
func (f *faulty) deliver(l *delayQueue, d delivery, now time.Time, bindings int) {
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

// finish returns when a sequential device finishes a request received at now. ok is false if its
// queue is full.
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

// damage applies the faults to the octets of a response.
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
