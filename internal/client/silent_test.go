package client

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// small is a network whose socket has a small receive buffer, and where only one peer answers.
type small struct {
	virtualNet *virtualNet
	silent     atomic.Bool // and not even that
}

func (s *small) open(mux.LocalBinding) (mux.Socket, error) { return s, nil }

func (s *small) Receive(take func([]mux.Datagram)) error { return s.virtualNet.Receive(take) }

func (s *small) SocketErrors(report func(netip.AddrPort, error)) { s.virtualNet.SocketErrors(report) }

func (s *small) Close() { s.virtualNet.Close() }

// Load returns the buffer size that systems grant to unprivileged users.
func (s *small) Load() (int, uint64) { return 425_984, 0 }

func (s *small) Send(batch []mux.Datagram) (int, error) {
	for i, d := range batch {
		if d.Peer != virtualPeer || s.silent.Load() {
			continue
		}
		if _, err := s.virtualNet.Send(batch[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(batch), nil
}

// Thousands of requests that nobody answers keep no answer's room in the receive buffer, whether their
// targets never answered or do not any more.
func TestSilentTargetsTakeNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(4, 500)
		s := &small{virtualNet: n}
		e, x := virtualEngine(n)
		defer e.Close()
		e.mux.Open = s.open
		passOver(t, x, plan, 2000)
		_, usual := passOver(t, x, plan, 2000)

		known, err := e.Target(Spec{Address: virtualPeer.String(), Context: "known"})
		if err != nil {
			t.Fatal(err)
		}
		passOver(t, known, plan, 2000)
		s.silent.Store(true)
		var silent sync.WaitGroup
		poll := func(x *Target) {
			silent.Go(func() {
				if _, err := x.Poll(t.Context(), plan, func(snmp.VarBind) {}); len(access.Errors(err)) != 1 || access.Errors(err)[0].Reason != access.Timeout {
					t.Errorf("a silent target: %v", err)
				}
			})
		}
		silent.Go(func() { _, _ = known.Poll(t.Context(), plan, func(snmp.VarBind) {}) }) // one of its retries is answered
		for i := range 2000 {
			x, err := e.Target(Spec{Address: fmt.Sprintf("198.51.%d.%d", i/250, i%250+1)})
			if err != nil {
				t.Fatal(err)
			}
			poll(x)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		e.mux.Lock()
		if charged, blocked := e.mux.ChargedLocked(); charged != 0 || blocked > 0 {
			t.Errorf("room for %d answers is taken, and %d targets wait for more", charged, blocked)
		}
		e.mux.Unlock()
		s.silent.Store(false)
		if _, took := passOver(t, x, plan, 2000); took > 2*usual {
			t.Errorf("a pass takes %v beside silent targets, %v without", took, usual)
		}
		silent.Wait()
		e.mux.Lock()
		if charged, _ := e.mux.ChargedLocked(); charged != 0 {
			t.Errorf("room for %d answers is taken in the end", charged)
		}
		e.mux.Unlock()
	})
}

// The caller knows of answers as they come, and of a target that answered that its time was too short.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(4, 500)
		s := &small{virtualNet: n}
		e, x := virtualEngine(n)
		defer e.Close()
		e.mux.Open = s.open
		var answers atomic.Int32
		within := func(d time.Duration) (*mux.Progress, error) {
			p := mux.NewProgress(func() { answers.Add(1) })
			ctx, cancel := context.WithTimeout(mux.WithProgress(t.Context(), p), d)
			defer cancel()
			_, err := x.Poll(ctx, plan, func(snmp.VarBind) {})
			return p, err
		}
		p, err := within(time.Minute)
		if err != nil || !p.Answered() || answers.Load() < 10 {
			t.Errorf("%d answers, %v", answers.Load(), err)
		}
		p, err = within(15 * time.Millisecond)
		list := access.Errors(err)
		for _, e := range list {
			if e.Reason != access.Deadline || e.TargetFailed() {
				t.Errorf("a pass that was too short: %v", e)
			}
		}
		if !p.Answered() || len(list) != len(plan.Columns) {
			t.Errorf("a pass that was too short: %v", err)
		}
		s.silent.Store(true)
		p, err = within(100 * time.Millisecond)
		if list := access.Errors(err); p.Answered() || len(list) != 1 || list[0].Reason != access.Timeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a pass without an answer: %v", err)
		}
	})
}
