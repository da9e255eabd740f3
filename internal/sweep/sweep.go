// Package sweep asks each address of a range one question. It knows a request by its ID and address, and keeps nothing of it.
package sweep

import (
	"context"
	"errors"
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
	"time"

	"trapline/internal/mux"
)

// Pass is one question to each address of a range.
type Pass struct {
	Order    *Order
	From     int    // position to begin at
	Question string // what is asked: the IDs of requests depend on it

	Skip    func(netip.Addr) bool           // addresses that are not asked
	Request func(b []byte, id int32) []byte // appends the request with an ID
	// Answered is called with a datagram from an address of the range. Its ID is yet to be compared with that of the question,
	// or of one before, to which it is a late answer. Data are valid until it returns. Calls do not overlap.
	Answered func(from netip.Addr, id func(question string) int32, data []byte)
	Refused  func(to netip.Addr)      // by ICMP; may be nil
	Sending  func(position int) error // is called before each batch with the position behind its last address; an error ends the pass
	Settled  func(position int)       // is called after each batch: whoever lies before was waited for as long as Timeout
	Timeout  time.Duration            // how long the answers to the last addresses are waited for, and longer while others come
}

// Sweeper has a socket for each family.
type Sweeper struct {
	port   uint16
	pacer  *Pacer
	seed   maphash.Seed
	v4, v6 mux.Socket
	ended  sync.WaitGroup

	mu    sync.Mutex
	pass  *Pass     // nil before the first, and after Stop
	asked time.Time // when the last batch was sent
	heard time.Time // when the last datagram came from an address of the range
}

// New returns a sweeper that asks a port. Close it.
func New(port uint16, pacer *Pacer) *Sweeper {
	return &Sweeper{port: port, pacer: pacer, seed: maphash.MakeSeed()}
}

// socket returns the socket for an address.
func (s *Sweeper) socket(v4 bool) (mux.Socket, error) {
	at := &s.v6
	if v4 {
		at = &s.v4
	}
	if *at != nil {
		return *at, nil
	}
	opened, err := mux.OpenSocket(mux.LocalBinding{V6: !v4})
	if err != nil {
		return nil, err
	}
	*at = opened
	s.ended.Go(func() { s.receive(opened) })
	return opened, nil
}

func (s *Sweeper) receive(socket mux.Socket) {
	for {
		err := socket.Receive(s.take)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		socket.SocketErrors(s.refused)
	}
}

func (s *Sweeper) take(batch []mux.Datagram) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pass == nil {
		return
	}
	for _, d := range batch {
		if a := d.Peer.Addr(); d.Peer.Port() == s.port && s.pass.Order.of.Contains(a) {
			s.heard = time.Now()
			s.pass.Answered(a, func(question string) int32 { return s.id(question, a) }, d.Data)
		}
	}
}

func (s *Sweeper) refused(to netip.AddrPort, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pass != nil && s.pass.Refused != nil && to.Port() == s.port && s.pass.Order.of.Contains(to.Addr()) {
		s.pass.Refused(to.Addr())
	}
}

// id returns the ID of a request to an address: a number that others cannot guess.
func (s *Sweeper) id(question string, a netip.Addr) int32 {
	octets := a.As16()
	return int32(maphash.Bytes(s.seed, append(octets[:], question...))&0x3fffffff | 0x40000000)
}

func (s *Sweeper) setPass(p *Pass) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass = p
}

func (s *Sweeper) setAsked(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = now
}

// Stop has datagrams that come from now on ignored, until the next Run.
func (s *Sweeper) Stop() { s.setPass(nil) }

// Run asks. The error is that of ctx, or one of the socket. Answered and Refused are called until the next Run, or Stop.
func (s *Sweeper) Run(ctx context.Context, p *Pass) error {
	s.setPass(p)
	b := batch{sweeper: s, pass: p, size: s.pacer.batch(mux.BatchSize)}
	for position := p.From; position < p.Order.Len(); position++ {
		a, ok := p.Order.At(position)
		if ok && !p.Skip(a) {
			b.add(a)
		}
		if len(b.list) == b.size || position == p.Order.Len()-1 {
			if err := b.send(ctx, position+1); err != nil {
				return err
			}
		}
	}
	if b.asked > 0 {
		if err := s.await(ctx, p.Timeout, patience); err != nil {
			return err
		}
	}
	p.Settled(p.Order.Len())
	return ctx.Err()
}

// Drain waits for the answers to what an interrupted Run has sent.
func (s *Sweeper) Drain(timeout time.Duration) {
	_ = s.await(context.Background(), timeout, drainPatience)
}

// patience is how many timeouts answers are waited for as long as others come: devices and networks that are busy answer
// late. After an interruption it is less.
const patience, drainPatience = 10, 3

// await waits until no answer has come for a time since the last batch was sent.
func (s *Sweeper) await(ctx context.Context, timeout time.Duration, patience int) error {
	for {
		s.mu.Lock()
		asked, last := s.asked, s.heard
		s.mu.Unlock()
		if last.Before(asked) {
			last = asked
		}
		end := last.Add(timeout)
		if latest := asked.Add(time.Duration(patience) * timeout); end.After(latest) {
			end = latest
		}
		wait := time.Until(end)
		if wait <= 0 {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// Close closes the sockets.
func (s *Sweeper) Close() {
	for _, socket := range []mux.Socket{s.v4, s.v6} {
		if socket != nil {
			socket.Close()
		}
	}
	s.ended.Wait()
}

// batch is the datagrams that leave at once.
type batch struct {
	sweeper *Sweeper
	pass    *Pass
	size    int
	list    []mux.Datagram
	buffer  []byte
	sent    []mark // whose answers may be on their way
	settled int
	asked   int
}

// mark is when a batch was sent, and the position behind it.
type mark struct {
	at       time.Time
	position int
}

func (b *batch) add(a netip.Addr) {
	b.asked++
	start := len(b.buffer)
	b.buffer = b.pass.Request(b.buffer, b.sweeper.id(b.pass.Question, a))
	b.list = append(b.list, mux.Datagram{Data: b.buffer[start:len(b.buffer):len(b.buffer)], Peer: netip.AddrPortFrom(a, b.sweeper.port)})
}

// send sends the datagrams, up to a position. One that the system does not send is lost, as on a network.
func (b *batch) send(ctx context.Context, position int) error {
	if err := b.sweeper.pacer.Wait(ctx, len(b.list)); err != nil {
		return err
	}
	if err := b.pass.Sending(position); err != nil {
		return err
	}
	sent := len(b.list) > 0
	for len(b.list) > 0 {
		v4 := b.list[0].Peer.Addr().Is4()
		n := 1
		for n < len(b.list) && b.list[n].Peer.Addr().Is4() == v4 {
			n++
		}
		socket, err := b.sweeper.socket(v4)
		if err != nil {
			return err
		}
		for part := b.list[:n]; len(part) > 0; {
			done, err := socket.Send(part)
			if err != nil {
				done++
				socket.SocketErrors(b.sweeper.refused)
			}
			part = part[min(done, len(part)):]
		}
		b.list = b.list[n:]
	}
	b.list, b.buffer = b.list[:0], b.buffer[:0]
	if sent {
		b.sweeper.setAsked(time.Now())
	}
	b.settle(position)
	return nil
}

func (b *batch) settle(position int) {
	now := time.Now()
	b.sent = append(b.sent, mark{now, position})
	old := now.Add(-b.pass.Timeout)
	n := 0
	for n < len(b.sent) && b.sent[n].at.Before(old) {
		b.settled = b.sent[n].position
		n++
	}
	b.sent = append(b.sent[:0], b.sent[n:]...)
	b.pass.Settled(max(b.settled, b.pass.From))
}
