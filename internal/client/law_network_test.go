package client_test

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"trapline/internal/client"
)

// lawNetwork carries datagrams between an engine and a lawAgent in a synctest bubble. Each arrival
// has a distinct time, so that a seed reproduces the course of events.
type lawNetwork struct {
	agent           *lawAgent
	loss, twice     float64
	latency, jitter time.Duration

	mu     sync.Mutex
	r      *rand.Rand
	sent   int
	answer func([]byte, netip.AddrPort)
	of     map[*client.Client]func([]byte, netip.AddrPort)
}

var lawPeer = netip.MustParseAddrPort("192.0.2.1:161")

// start returns a new engine on the network. Datagrams still in transit to an earlier one are
// delivered to that.
func (n *lawNetwork) start() *client.Client {
	e, answer := client.NewCarried(n, client.Options{})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = answer
	if n.of == nil {
		n.of = map[*client.Client]func([]byte, netip.AddrPort){}
	}
	n.of[e] = answer
	return e
}

// resume has an engine that was started before send the requests from now on.
func (n *lawNetwork) resume(e *client.Client) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = n.of[e]
}

// Carry is for requests.
func (n *lawNetwork) Carry(request []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	answer := n.answer
	for _, after := range n.fates() {
		time.AfterFunc(after, func() { n.arrive(request, answer) })
	}
}

func (n *lawNetwork) arrive(request []byte, answer func([]byte, netip.AddrPort)) {
	// SNMPv3 messages are decrypted where they lie, and a request may come twice.
	response := n.agent.respond(append([]byte{}, request...))
	if response == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, after := range n.fates() {
		time.AfterFunc(after, func() { answer(response, lawPeer) })
	}
}

// lose sets which share of all datagrams is lost.
func (n *lawNetwork) lose(share float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = share
}

// fates are the times after which a datagram arrives: none, one or two.
func (n *lawNetwork) fates() (list []time.Duration) {
	copies := 1
	switch x := n.r.Float64(); {
	case x < n.loss:
		copies = 0
	case x < n.loss+n.twice:
		copies = 2
	}
	for range copies {
		n.sent++
		d := n.latency + time.Duration(n.sent%100_000)
		if n.jitter > 0 {
			d += time.Duration(n.r.Int64N(int64(n.jitter)))
		}
		list = append(list, d)
	}
	return list
}
