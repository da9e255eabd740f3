package mux

import "net/netip"

// All targets share a socket and its receive buffer. One that sends many datagrams that answer nothing, or
// answers far larger than asked for, would have those of others dropped. From its next poll on it is
// asked through a socket that such targets have for themselves.

const (
	// Tolerated is how many frames of noise a target may send.
	Tolerated = 256
	// maxNoisy bounds the addresses that are counted.
	maxNoisy = 4096
)

// noiseLocked counts a datagram of so many octets that was not asked for.
func (p *Mux) noiseLocked(from netip.AddrPort, size int) {
	if len(p.noise) >= maxNoisy {
		clear(p.noise)
	}
	p.noise[from] += 1 + size/DefaultMaxResponse
}

// bindingLocked is where requests to t leave from. It stays as it is while requests are outstanding, and
// where a source port was set, which one socket has.
func (p *Mux) bindingLocked(t *Peer, o LocalBinding) LocalBinding {
	o.V6, o.Apart = !t.Address.Addr().Is4(), t.binding.Apart
	if p.noise[t.Address] > Tolerated && o.Source.Port() == 0 {
		delete(p.noise, t.Address)
		o.Apart = true
	}
	if t.link != nil && o != t.binding {
		if len(t.inFlight) > 0 || t.blocked {
			return t.binding
		}
		t.link = nil
	}
	return o
}
