package mux

import (
	"fmt"
	"net/netip"
	"time"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// Peer is a target as the Mux sees it: its address, its limits and its speed. It outlives polls.
type Peer struct {
	Address       netip.AddrPort
	anywhere      bool // its answers may come from another address
	binding       LocalBinding
	link          *link // nil before the first request
	version       snmp.Version
	community     []byte
	v3            *usmPeer // nil but in SNMPv3
	window        window
	inFlight      []*Query
	waiting       []*Query
	blocked       bool          // until there is room on the link
	rate          float64       // bindings a second; 0 means no limit
	free          time.Duration // when the next request may go, with a rate
	lastInvalid   error         // why a datagram from it was no answer
	lastInvalidAt time.Duration // when that came
	answered      uint64        // the event of the last answer to a request that waited for it; 0 means never
	heard         uint64        // likewise, answers that came too late included
	abandoned     [8]uint32     // the ids of the last attempts that were given up; 0 is none
	abandonedAt   int           // where the next one goes
	probe         *Query        // requests whether it is there at all; nil when nothing does
}

// at reports whether the peer may answer from an address.
func (t *Peer) at(from netip.AddrPort) bool { return t.Address == from || t.anywhere }

const (
	// DefaultMaxResponse is the payload of a frame of Ethernet under IPv4 and UDP.
	DefaultMaxResponse = 1472
	// moreHeader6 is by how much the header of IPv6 is longer than that of IPv4.
	moreHeader6 = 20
	// responseHeader is the size of a response without its bindings and the community, and some room for
	// numbers that grow until the next pass.
	responseHeader = 44
	// responseHeader3 is the same in SNMPv3, with names of usual length.
	responseHeader3 = 200
)

// PayloadLimit returns the room for bindings in a response, in octets.
func (t *Peer) PayloadLimit() int {
	room := DefaultMaxResponse
	if t.Address.Addr().Is6() {
		room -= moreHeader6
	}
	if t.v3 != nil {
		return room - responseHeader3
	}
	return room - responseHeader - len(t.community)
}

// NewPeer returns the peer at an address, of which nothing is known. A contextEngineID that is empty is that of the
// Peer itself.
func NewPeer(address netip.AddrPort, a *access.Auth, secrets access.Secrets, contextEngineID, contextName string) (*Peer, error) {
	p := &Peer{Address: address, community: []byte(secrets.Community), window: newWindow(DefaultWindow)}
	switch a.Version {
	case 1:
		p.version = snmp.V1
	case 2:
		p.version = snmp.V2c
	default:
		user, err := a.User(secrets)
		if err != nil {
			return nil, err
		}
		p.version, p.community = snmp.V3, nil
		p.v3, err = newUSMPeer(user, a.EngineIDOctets(), contextEngineID, contextName)
		return p, err
	}
	return p, nil
}

// ConnectLocked opens the socket to send from, or finds it.
func (p *Mux) ConnectLocked(t *Peer, source netip.AddrPort, device string) *access.Error {
	if source.IsValid() && source.Addr().Is4() != t.Address.Addr().Is4() {
		return &access.Error{Reason: access.Unreachable, Err: fmt.Errorf("source %s cannot reach %s", source.Addr(), t.Address.Addr())}
	}
	t.binding = p.bindingLocked(t, LocalBinding{Source: source, Device: device})
	if _, err := p.linkLocked(t); err != nil {
		return &access.Error{Reason: access.SocketReason(err), Err: err}
	}
	return nil
}

// PollLimits are the settings of one poll that hold for all its requests.
type PollLimits struct {
	Window   int  // requests outstanding at once
	Rate     int  // variable bindings a second; 0: no limit
	Anywhere bool // answers may come from another address
}

// BeginPollLocked prepares t for the requests of another poll.
func (p *Mux) BeginPollLocked(t *Peer, o PollLimits) {
	t.anywhere, t.rate = o.Anywhere, float64(o.Rate)
	t.window.bound(o.Window)
	if t.v3 != nil {
		t.v3.beginPollLocked(p.events)
	}
}

// PathLocked returns the round trip and the window, or the zero Path while the target never answered.
func (t *Peer) PathLocked() Path {
	if t.window.unknown() {
		return Path{}
	}
	return Path{RTT: t.window.srtt, Window: t.window.size}
}

// EngineLocked returns the SNMPv3 engine ID, boots and time; ok is false while they are not known, and of other
// versions.
func (t *Peer) EngineLocked(now time.Duration) (id []byte, boots, seconds int32, ok bool) {
	if t.v3 == nil || t.v3.security == nil {
		return nil, 0, 0, false
	}
	boots, seconds = t.v3.clock.Now(now)
	return t.v3.security.EngineID(), boots, seconds, true
}
