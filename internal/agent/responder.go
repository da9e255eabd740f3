package agent

import "trapline/internal/snmp"

// Responder answers single requests from a recording, without a socket. It is not safe for concurrent use.
type Responder struct{ responder responder }

// Respond returns the response to a request. Its list of variable bindings takes at most room octets, or as many as that
// of the request if there is an error, and is valid until the next call. It returns false if the PDU is malformed or no
// request of that version. seconds is the uptime of the device.
func (r *Responder) Respond(recording *Recording, version snmp.Version, request *snmp.PDU, room int, seconds float64) (response snmp.PDU, ok bool) {
	one := &r.responder
	one.message = snmp.Message{
		Version: version, PDU: request.Type, RequestID: request.RequestID,
		ErrorStatus: request.ErrorStatus, ErrorIndex: request.ErrorIndex, VarBinds: request.VarBinds,
	}
	one.view = view{recording: recording, seconds: seconds, v1: version == snmp.V1, quirks: (&device{}).quirks(recording)}
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
