package mux

import "trapline/internal/snmp"

// Request is a request to a peer.
type Request struct {
	PDU         snmp.PDUType
	OIDs        []snmp.OID
	Values      []snmp.VarBind // of a SetRequest, with oids as names
	Repetitions uint32         // of a GetBulkRequest
}

// Answer is a Response PDU.
type Answer struct {
	Status   snmp.ErrorStatus
	Index    int // of the binding that status speaks of, from 1; 0 when it speaks of none
	VarBinds []snmp.VarBind
	List     []byte // over the multiplexer, the bindings as they came, in the place of varbinds
	Count    int    // of these
}

// Unreadable stands in a binding whose value is of no type that SNMP has. It keeps its place in the
// order of a walk, but is not handed on.
const Unreadable snmp.Type = 0

// AuthorizationError is an error-status: the user, community or security level may not see this
// (RFC 3416 section 3).
const AuthorizationError snmp.ErrorStatus = 16

// MessageRefused reports whether a is an AuthorizationError without an index, which is about the message:
// whatever else is asked for at this security level, the answer will be the same.
func MessageRefused(a Answer) bool { return a.Status == AuthorizationError && a.Index == 0 }
