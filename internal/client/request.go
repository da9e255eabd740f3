package client

import "trapline/internal/snmp"

type request struct {
	pdu         snmp.PDUType
	oids        []snmp.OID
	values      []snmp.VarBind // of a SetRequest, with oids as names
	repetitions uint32         // of a GetBulkRequest
}

// answer is a Response PDU.
type answer struct {
	status   snmp.ErrorStatus
	index    int // of the binding that status speaks of, from 1; 0 when it speaks of none
	varbinds []snmp.VarBind
	list     []byte // over the pipe, the bindings as they came, in the place of varbinds
	count    int    // of these
}

// unreadable stands in a binding whose value is of no type that SNMP has. It keeps its place in the
// order of a walk, but is not handed on.
const unreadable snmp.Type = 0

// authorizationError is an error-status: the user, community or security level may not see this
// (RFC 3416 section 3).
const authorizationError snmp.ErrorStatus = 16

// messageRefused tells an authorizationError that speaks of no binding, and so is about the message:
// whatever else is asked for at this security level, the answer will be the same.
func messageRefused(a answer) bool { return a.status == authorizationError && a.index == 0 }
