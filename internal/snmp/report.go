package snmp

// ReportKind is the reason why an SNMPv3 engine rejected a message: the content of an agent's
// Report (RFC 3412 section 7.1, RFC 3413 section 3.2, RFC 3414 section 3.2), or an error of
// Security.Open. Compare it with errors.Is.
type ReportKind byte

// The kinds. UnknownReport is a Report with any other counter.
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

// Error returns the reason as text.
func (k ReportKind) Error() string {
	if int(k) >= len(reportKinds) {
		k = UnknownReport
	}
	return reportKinds[k].text
}

// OID returns the counter in a Report of this kind, nil for UnknownReport. The caller must not
// modify it.
func (k ReportKind) OID() OID {
	if int(k) >= len(reportKinds) {
		k = UnknownReport
	}
	return reportKinds[k].counter
}

// ReportKindOf returns the kind of a Report by the name of its first binding. The last 0 may be
// missing, because some agents omit it.
func ReportKindOf(name OID) ReportKind {
	for k, r := range reportKinds {
		if object := r.counter.Parent(); len(object) > 0 && name.HasPrefix(object) {
			return ReportKind(k)
		}
	}
	return UnknownReport
}

// Report returns the kind of a PDU of type Report.
func (p *PDU) Report() ReportKind {
	v, _, err := CutVarBind(p.VarBinds)
	if err != nil {
		return UnknownReport
	}
	return ReportKindOf(v.Name)
}
