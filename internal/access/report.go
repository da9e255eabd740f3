package access

import (
	"bytes"

	"trapline/internal/snmp"
)

// ReportError is a Report PDU: the agent refuses to process the message (RFC 3412 section 7.2).
type ReportError struct{ Counter snmp.OID }

// NewReportError returns the error of a Report. Counter is empty if the Report names none.
func NewReportError(p *snmp.PDU) *ReportError {
	if known := p.Report().OID(); known != nil {
		return &ReportError{Counter: known}
	}
	v, _, err := snmp.CutVarBind(p.VarBinds)
	if err != nil {
		return &ReportError{}
	}
	return &ReportError{Counter: bytes.Clone(v.Name)}
}

func (e *ReportError) Error() string {
	if r, ok := reports[string(e.Counter)]; ok {
		return "agent reports " + r.name
	}
	return "agent reports " + e.Counter.String()
}

// ReportReason returns the reason of a request that failed with a Report of kind k.
func ReportReason(k snmp.ReportKind) Reason { return (&ReportError{Counter: k.OID()}).Reason() }

// Reason returns the reason of a request that the Report answered.
func (e *ReportError) Reason() Reason {
	if r, ok := reports[string(e.Counter)]; ok {
		return r.reason
	}
	return Malformed
}

type report struct {
	name   string
	reason Reason
}

// reports maps the counters of Reports (RFC 3414 section 5, RFC 3412 section 5, RFC 3413 section
// 4.1.2), keyed by the octets of their OIDs.
var reports = func(byOID map[string]report) map[string]report {
	byOctets := map[string]report{}
	for oid, r := range byOID {
		byOctets[string(snmp.MustParseOID(oid))] = r
	}
	return byOctets
}(map[string]report{
	"1.3.6.1.6.3.15.1.1.1.0": {"usmStatsUnsupportedSecLevels", UnsupportedLevel},
	"1.3.6.1.6.3.15.1.1.2.0": {"usmStatsNotInTimeWindows", NotInTimeWindow},
	"1.3.6.1.6.3.15.1.1.3.0": {"usmStatsUnknownUserNames", UnknownUser},
	"1.3.6.1.6.3.15.1.1.4.0": {"usmStatsUnknownEngineIDs", UnknownEngine},
	"1.3.6.1.6.3.15.1.1.5.0": {"usmStatsWrongDigests", WrongDigest},
	"1.3.6.1.6.3.15.1.1.6.0": {"usmStatsDecryptionErrors", Decryption},
	"1.3.6.1.6.3.11.2.1.1.0": {"snmpUnknownSecurityModels", UnsupportedLevel},
	"1.3.6.1.6.3.11.2.1.2.0": {"snmpInvalidMsgs", Malformed},
	"1.3.6.1.6.3.11.2.1.3.0": {"snmpUnknownPDUHandlers", UnknownContext},
	"1.3.6.1.6.3.12.1.4.0":   {"snmpUnavailableContexts", UnknownContext},
	"1.3.6.1.6.3.12.1.5.0":   {"snmpUnknownContexts", UnknownContext},
})
