package client

import (
	"bytes"
	"encoding/gob"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// Carrier carries requests to one host in the place of a network. It must not block.
type Carrier interface{ Carry(request []byte) }

// NewCarried is New with a Carrier for its only socket. Answers come by the function that it returns.
func NewCarried(c Carrier, o Options) (*Client, func(answer []byte, from netip.AddrPort)) {
	s := &carriedSocket{carrier: c, inbox: make(chan mux.Datagram, 1<<14)}
	e := New(o)
	e.mux.Open = func(mux.LocalBinding) (mux.Socket, error) { return s, nil }
	return e, s.deliver
}

type carriedSocket struct {
	carrier Carrier
	inbox   chan mux.Datagram

	mu     sync.Mutex
	closed bool
}

func (s *carriedSocket) Send(batch []mux.Datagram) (int, error) {
	for _, d := range batch {
		s.carrier.Carry(bytes.Clone(d.Data))
	}
	return len(batch), nil
}

func (s *carriedSocket) deliver(answer []byte, from netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.inbox <- mux.Datagram{Data: bytes.Clone(answer), Peer: from}
	}
}

func (s *carriedSocket) Receive(take func([]mux.Datagram)) error {
	for d := range s.inbox {
		take([]mux.Datagram{d})
	}
	return net.ErrClosed
}

func (s *carriedSocket) SocketErrors(func(netip.AddrPort, error)) {}
func (s *carriedSocket) Load() (int, uint64)                      { return 1 << 24, 0 }

func (s *carriedSocket) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed { // it may have been opened twice
		s.closed = true
		close(s.inbox)
	}
}

// CorruptState changes the output of Save so that Restore still accepts it.
func CorruptState(state []byte, r *rand.Rand) []byte {
	var all map[string]saved
	if err := gob.NewDecoder(bytes.NewReader(state[len(stateFormat):])).Decode(&all); err != nil {
		panic(err)
	}
	for key, s := range all {
		s.corrupt(r)
		all[key] = s
	}
	b := bytes.NewBufferString(stateFormat)
	if err := gob.NewEncoder(b).Encode(all); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// CorruptLearned changes the output of Learned so that Learn still accepts it.
func CorruptLearned(learned []byte, r *rand.Rand) []byte {
	s, err := readLearned(learned)
	if err != nil {
		return learned
	}
	s.corrupt(r)
	return s.append(nil)
}

func (s *saved) corrupt(r *rand.Rand) {
	sometimes := func(f func()) {
		if r.IntN(3) == 0 {
			f()
		}
	}
	duration := func() time.Duration {
		return []time.Duration{0, -time.Hour, 1, 1 << 62, time.Duration(r.Int64())}[r.IntN(5)]
	}
	number := func() int32 { return []int32{0, -1, 1, 1<<31 - 1, -1 << 31, int32(r.Uint32())}[r.IntN(6)] }
	sometimes(func() { s.Window = []float64{0, -1, 0.3, math.Inf(1), math.NaN(), 1e300}[r.IntN(6)] })
	sometimes(func() { s.RTT = duration() })
	sometimes(func() { s.RTTVar = duration() })
	sometimes(func() { s.Base = duration() })
	sometimes(func() { s.MaxBindings = int(number()) })
	sometimes(func() { s.Answered = int(number()) })
	sometimes(func() { s.Boots, s.Time = number(), number() })
	sometimes(func() { s.At = s.At.Add(duration()) })
	if len(s.EngineID) > 0 {
		sometimes(func() { s.EngineID[r.IntN(len(s.EngineID))] ^= 0x55 })
		sometimes(func() { s.EngineID = s.EngineID[:r.IntN(len(s.EngineID))] })
	}
	for i := range s.Columns {
		c := &s.Columns[i]
		sometimes(func() { c.Rows = number() })
		sometimes(func() { c.Size = []uint16{0, 1, 1<<16 - 1}[r.IntN(3)] })
		sometimes(func() { c.Unordered, c.Alone = r.IntN(2) == 0, r.IntN(2) == 0 })
		sometimes(func() { c.Failed = !c.Failed })
		sometimes(func() { c.Counts[r.IntN(len(c.Counts))] = number() })
		sometimes(func() { c.Ends, c.Counts = corruptEnds(r) })
	}
}

// corruptEnds are ends of segments that are none of the table's, in order or not.
func corruptEnds(r *rand.Rand) (ends []string, counts []int32) {
	for range r.IntN(5) {
		end := snmp.AppendArc(nil, r.Uint32N(300))
		for range r.IntN(3) {
			end = snmp.AppendArc(end, r.Uint32())
		}
		ends, counts = append(ends, string(end)), append(counts, int32(r.IntN(200)))
	}
	if r.IntN(4) > 0 {
		slices.SortFunc(ends, func(a, b string) int { return snmp.OID(a).Compare(snmp.OID(b)) })
	}
	return ends, append(counts, int32(r.IntN(200)))
}
