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
	if name := reports[snmp.ReportKindOf(e.Counter)].name; name != "" {
		return "agent reports " + name
	}
	return "agent reports " + e.Counter.String()
}

// Reason returns the reason of a request that the Report answered.
func (e *ReportError) Reason() Reason { return ReportReason(snmp.ReportKindOf(e.Counter)) }

// ReportReason returns the reason of a request that failed with a Report of kind k.
func ReportReason(k snmp.ReportKind) Reason { return reports[k].reason }

// reports lists the name of the counter (RFC 3414 section 5, RFC 3412 section 5, RFC 3413 section 4.1.2) and the reason of
// each kind of Report.
var reports = [...]struct {
	name   string
	reason Reason
}{
	snmp.UnknownReport:            {"", Malformed},
	snmp.UnsupportedSecurityLevel: {"usmStatsUnsupportedSecLevels", UnsupportedLevel},
	snmp.NotInTimeWindow:          {"usmStatsNotInTimeWindows", NotInTimeWindow},
	snmp.UnknownUserName:          {"usmStatsUnknownUserNames", UnknownUser},
	snmp.UnknownEngineID:          {"usmStatsUnknownEngineIDs", UnknownEngine},
	snmp.WrongDigest:              {"usmStatsWrongDigests", WrongDigest},
	snmp.DecryptionError:          {"usmStatsDecryptionErrors", Decryption},
	snmp.UnknownSecurityModel:     {"snmpUnknownSecurityModels", UnsupportedLevel},
	snmp.InvalidMessage:           {"snmpInvalidMsgs", Malformed},
	snmp.UnknownPDUHandler:        {"snmpUnknownPDUHandlers", UnknownContext},
	snmp.UnavailableContext:       {"snmpUnavailableContexts", UnknownContext},
	snmp.UnknownContext:           {"snmpUnknownContexts", UnknownContext},
}
