package agent

import "trapline/internal/snmp"

// Objects are objects by their position in the order of their names. Recording implements it.
type Objects interface {
	Len() int
	// Find returns the position of the first object that is not before name.
	Find(name snmp.OID) (i int, found bool)
	Name(i int) snmp.OID
	Kind(i int) snmp.Type
	// Append appends the encoded binding of the i-th object at an uptime in seconds.
	Append(b []byte, i int, seconds float64) []byte
	// Missing returns the exception for a missing name that Find placed at position i (RFC 3416 section 4.2.1).
	Missing(name snmp.OID, i int) snmp.Type
}

// Responder answers single requests, without a socket. It is not safe for concurrent use.
type Responder struct{ responder responder }

// Respond returns the response to a request. Its list of variable bindings takes at most room octets, or as many as that
// of the request if there is an error, and is valid until the next call. It returns false if the PDU is malformed or no
// request of that version. seconds is the uptime of the device.
func (r *Responder) Respond(objects Objects, version snmp.Version, request *snmp.PDU, room int, seconds float64) (response snmp.PDU, ok bool) {
	one := &r.responder
	one.message = snmp.Message{
		Version: version, PDU: request.Type, RequestID: request.RequestID,
		ErrorStatus: request.ErrorStatus, ErrorIndex: request.ErrorIndex, VarBinds: request.VarBinds,
	}
	one.view = view{objects: objects, seconds: seconds, v1: version == snmp.V1, quirks: quirks{failFrom: objects.Len() + 1, loopAt: -1}}
	one.room = room
	one.reset()
	o := one.perform(request.Type)
	if o.silent {
		return response, false
	}
	return snmp.PDU{
		Type: snmp.Response, RequestID: request.RequestID, ErrorStatus: o.status, ErrorIndex: int32(o.index), VarBinds: one.bindings(o),
	}, true
}
