package client

import "net/netip"

// All targets share a socket and its receive buffer. One that sends many datagrams that answer nothing, or
// answers far larger than asked for, would have those of others dropped. From its next poll on it is
// asked through a socket that such targets have for themselves.

const (
	// tolerated is how many frames of noise a target may send.
	tolerated = 256
	// maxNoisy bounds the addresses that are counted.
	maxNoisy = 4096
)

// noiseLocked counts a datagram of so many octets that was not asked for.
func (p *pipe) noiseLocked(from netip.AddrPort, size int) {
	if len(p.noise) >= maxNoisy {
		clear(p.noise)
	}
	p.noise[from] += 1 + size/DefaultMaxResponse
}

// outletLocked is where requests to t leave from. It stays as it is while requests are outstanding, and
// where a source port was set, which one socket has.
func (p *pipe) outletLocked(t *peer, o outlet) outlet {
	o.v6, o.apart = !t.address.Addr().Is4(), t.outlet.apart
	if p.noise[t.address] > tolerated && o.source.Port() == 0 {
		delete(p.noise, t.address)
		o.apart = true
	}
	if t.link != nil && o != t.outlet {
		if len(t.flying) > 0 || t.held {
			return t.outlet
		}
		t.link = nil
	}
	return o
}
