package client

import (
	"testing"
	"testing/synctest"

	"trapline/internal/mux"
)

// A target that sends much that nobody asked for is asked through a socket of its own kind, and others
// through the common one.
func TestNoisyTargetsAreKeptApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, plan := virtualDevice(2, 40)
		e, x := virtualEngine(n)
		defer e.Close()
		apart := &virtualNet{r: n.r, agent: n.agent, latency: n.latency, inbox: make(chan mux.Datagram, 1<<14)}
		e.mux.Open = func(o mux.LocalBinding) (mux.Socket, error) {
			if o.Apart {
				return apart, nil
			}
			return n, nil
		}
		passOver(t, x, plan, 80)
		for range mux.Tolerated + 1 {
			n.inbox <- mux.Datagram{Data: []byte("noise"), Peer: virtualPeer}
		}
		synctest.Wait()
		before := n.requests
		for range 2 {
			passOver(t, x, plan, 80)
		}
		if n.requests != before || apart.requests == 0 {
			t.Errorf("%d requests leave through the common socket, %d through the other", n.requests-before, apart.requests)
		}
	})
}
