package originator

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"

	"trapline/internal/snmp"
)

// Agent answers requests of managers.
type Agent struct {
	Communities map[string]bool       // of SNMPv1 and SNMPv2c
	Users       map[string]*snmp.User // of SNMPv3, by name
	// Respond returns the response to a request, or false if it is malformed.
	Respond func(*Request) (response snmp.PDU, ok bool)
}

// Request is a request of a manager. Its slices alias the datagram.
type Request struct {
	From    netip.AddrPort
	Version snmp.Version
	PDU     snmp.PDU
	Room    int  // maximum size of the response's list of bindings in octets
	Denied  bool // the user may only send notifications
}

// ErrAnswered is the error of a request, which is no notification, and was answered.
var ErrAnswered = errors.New("a request of a manager")

// ErrAnsweredUser is the same, of a user of SNMPv3 with authentication.
var ErrAnsweredUser = fmt.Errorf("%w with authentication", ErrAnswered)

var errRequest = errors.New("a malformed request")

// The maximum sizes of responses to requests whose sender may be forged. A GETBULK request of 40 octets is answered by one
// frame of Ethernet; a GET or GETNEXT request names each binding, and is answered by one row of a table.
const maxUnsigned, maxUnsignedRow = 1472, 4096

const (
	// overhead is the maximum size of a response without its list of bindings and the community.
	overhead = 34
	// overhead3 is the maximum size of a response of SNMPv3 without its list of bindings and the name of the user: two engine
	// IDs, the digest, the salt, padding, headers and numbers.
	overhead3 = 240
	// minMessage is the size that each engine accepts (RFC 3412 section 6).
	minMessage = 484
)

func isRequest(t snmp.PDUType) bool {
	switch t {
	case snmp.GetRequest, snmp.GetNextRequest, snmp.GetBulkRequest, snmp.SetRequest:
		return true
	}
	return false
}

// requestOf returns the request in a message of SNMPv1.
func requestOf(b []byte) (m snmp.Message, ok bool) {
	m, err := snmp.ParseMessage(b)
	return m, err == nil && isRequest(m.PDU)
}

// most returns the maximum size of the response to a request whose sender may be forged.
func most(t snmp.PDUType) int {
	if t == snmp.GetBulkRequest {
		return maxUnsigned
	}
	return maxUnsignedRow
}

// answer answers a request with a community.
func (a *Agent) answer(m *snmp.Message, from netip.AddrPort) ([]byte, error) {
	if !a.Communities[string(m.Community)] {
		return nil, ErrCommunity
	}
	p, ok := a.Respond(&Request{
		From: from, Version: m.Version, Room: most(m.PDU) - overhead - len(m.Community),
		PDU: snmp.PDU{Type: m.PDU, RequestID: m.RequestID, ErrorStatus: m.ErrorStatus, ErrorIndex: m.ErrorIndex, VarBinds: m.VarBinds},
	})
	if !ok {
		return nil, errRequest
	}
	return snmp.AppendMessage(nil, &snmp.Message{
		Version: m.Version, Community: m.Community, PDU: p.Type, RequestID: p.RequestID,
		ErrorStatus: p.ErrorStatus, ErrorIndex: p.ErrorIndex, VarBinds: p.VarBinds,
	}), ErrAnswered
}

// request answers a request of SNMPv3 that was opened with the keys of its user.
func (d *Decoder) request(own *snmp.Security, o *snmp.Opened, r *Received) (answer []byte, err error) {
	a := d.authority.Agent
	switch {
	case !bytes.Equal(o.ContextEngineID, d.authority.Identity.ID): // RFC 3412 section 7.2, step 13
		return d.report(own, o.ID, snmp.UnknownPDUHandler), snmp.UnknownPDUHandler
	case len(o.ContextName) > 0: // RFC 3413 section 3.2
		return d.report(own, o.ID, snmp.UnknownContext), snmp.UnknownContext
	}
	size := most(o.Type)
	if o.Authenticated {
		size = maxMessage
	}
	size = min(size, max(int(o.MaxSize), minMessage))
	p, ok := a.Respond(&Request{
		From: r.From, Version: snmp.V3, PDU: o.PDU, Room: size - overhead3 - len(o.UserName), Denied: a.Users[r.Name] == nil,
	})
	if !ok {
		return nil, errRequest
	}
	if err = ErrAnswered; o.Authenticated {
		err = ErrAnsweredUser
	}
	return d.seal(own, o.ID, &snmp.ScopedPDU{ContextEngineID: o.ContextEngineID, ContextName: o.ContextName, PDU: p}), err
}

// users returns all users by name.
func (a *Authority) users() map[string]*snmp.User {
	if a.Agent == nil {
		return a.Users
	}
	all := maps.Clone(a.Agent.Users)
	maps.Copy(all, a.Users)
	return all
}
