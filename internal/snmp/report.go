package snmp

// ReportKind is what an SNMPv3 engine found wrong with a message: what an agent's Report says
// (RFC 3412 section 7.1, RFC 3413 section 3.2, RFC 3414 section 3.2), and what Security.Open says of an
// answer. As an error it is compared with errors.Is.
type ReportKind byte

// The kinds. UnknownReport is a Report that counts something else.
const (
	UnknownReport ReportKind = iota
	UnsupportedSecurityLevel
	NotInTimeWindow
	UnknownUserName
	UnknownEngineID
	WrongDigest
	DecryptionError
	UnknownSecurityModel
	InvalidMessage
	UnknownPDUHandler
	UnavailableContext
	UnknownContext
)

var reportKinds = [...]struct {
	text    string
	counter OID
}{
	UnknownReport:            {"a report of an unknown kind", nil},
	UnsupportedSecurityLevel: {"unsupported security level", MustParseOID("1.3.6.1.6.3.15.1.1.1.0")},
	NotInTimeWindow:          {"not in time window", MustParseOID("1.3.6.1.6.3.15.1.1.2.0")},
	UnknownUserName:          {"unknown user name", MustParseOID("1.3.6.1.6.3.15.1.1.3.0")},
	UnknownEngineID:          {"unknown engine ID", MustParseOID("1.3.6.1.6.3.15.1.1.4.0")},
	WrongDigest:              {"wrong digest", MustParseOID("1.3.6.1.6.3.15.1.1.5.0")},
	DecryptionError:          {"decryption error", MustParseOID("1.3.6.1.6.3.15.1.1.6.0")},
	UnknownSecurityModel:     {"unknown security model", MustParseOID("1.3.6.1.6.3.11.2.1.1.0")},
	InvalidMessage:           {"invalid message", MustParseOID("1.3.6.1.6.3.11.2.1.2.0")},
	UnknownPDUHandler:        {"unknown PDU handler", MustParseOID("1.3.6.1.6.3.11.2.1.3.0")},
	UnavailableContext:       {"unavailable context", MustParseOID("1.3.6.1.6.3.12.1.4.0")},
	UnknownContext:           {"unknown context", MustParseOID("1.3.6.1.6.3.12.1.5.0")},
}

// Error says in words what is wrong.
func (k ReportKind) Error() string {
	if int(k) >= len(reportKinds) {
		k = UnknownReport
	}
	return reportKinds[k].text
}

// OID is the counter that a Report of this kind carries, nil for UnknownReport. It is not to be changed.
func (k ReportKind) OID() OID {
	if int(k) >= len(reportKinds) {
		k = UnknownReport
	}
	return reportKinds[k].counter
}

// ReportKindOf tells what a Report means by the name of its first binding. Agents that leave out the
// last 0 are understood.
func ReportKindOf(name OID) ReportKind {
	for k, r := range reportKinds {
		if object := r.counter.Parent(); len(object) > 0 && name.HasPrefix(object) {
			return ReportKind(k)
		}
	}
	return UnknownReport
}

// Report tells what a PDU of type Report means.
func (p *PDU) Report() ReportKind {
	v, _, err := CutVarBind(p.VarBinds)
	if err != nil {
		return UnknownReport
	}
	return ReportKindOf(v.Name)
}
