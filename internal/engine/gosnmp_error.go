package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gosnmp/gosnmp"

	"trapline/internal/snmp"
)

// reportError is a Report PDU: the agent refuses to process the message (RFC 3412 section 7.2).
type reportError struct{ counter snmp.OID }

// reportOf tells what a Report counts. One that does not say so counts nothing known.
func reportOf(p *snmp.PDU) *reportError {
	if known := p.Report().OID(); known != nil {
		return &reportError{known}
	}
	v, _, err := snmp.CutVarBind(p.VarBinds)
	if err != nil {
		return &reportError{}
	}
	return &reportError{bytes.Clone(v.Name)}
}

func (e *reportError) Error() string {
	if r, ok := reports[string(e.counter)]; ok {
		return "agent reports " + r.name
	}
	return "agent reports " + e.counter.String()
}

// ReportReason is what a Report of that kind makes a request fail for.
func ReportReason(k snmp.ReportKind) Reason { return (&reportError{k.OID()}).reason() }

func (e *reportError) reason() Reason {
	if r, ok := reports[string(e.counter)]; ok {
		return r.reason
	}
	return Malformed
}

type report struct {
	name   string
	reason Reason
}

// reports are the counters that Reports speak of (RFC 3414 section 5, RFC 3412 section 5, RFC 3413
// section 4.1.2), by the octets of their OIDs.
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

// sentinels are the errors that gosnmp makes of Reports that it saw itself.
var sentinels = []struct {
	err    error
	reason Reason
}{
	{gosnmp.ErrUnknownSecurityLevel, UnsupportedLevel},
	{gosnmp.ErrUnknownSecurityModels, UnsupportedLevel},
	{gosnmp.ErrNotInTimeWindow, NotInTimeWindow},
	{gosnmp.ErrUnknownUsername, UnknownUser},
	{gosnmp.ErrUnknownEngineID, UnknownEngine},
	{gosnmp.ErrWrongDigest, WrongDigest},
	{gosnmp.ErrDecryption, Decryption},
	{gosnmp.ErrUnknownPDUHandlers, UnknownContext},
}

// classify tells what kind of failure an exchange ended with. What is not known to be anything else
// is gosnmp's word that it could not read the answer to r.
func (s *session) classify(ctx context.Context, err error, r request) *Error {
	var seen *reportError
	ended := s.wire.failure()
	switch {
	case errors.As(err, &seen):
		return &Error{Reason: seen.reason(), Err: seen}
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return s.outOfTime(ctx)
	case ended != nil:
		return &Error{Reason: SocketReason(ended), Err: ended}
	case errors.Is(err, gosnmp.ErrMaxRetriesExceeded):
		return s.unanswered(ctx, r)
	}
	for _, known := range sentinels {
		if errors.Is(err, known.err) {
			return &Error{Reason: known.reason, Err: fmt.Errorf("agent reports %w", err)}
		}
	}
	if text, _, panicked := strings.Cut(err.Error(), " Stack:"); panicked {
		err = errors.New(text)
	}
	return &Error{Reason: Malformed, OID: r.oids[0], Err: fmt.Errorf("reading the answer: %w", err)}
}

// unanswered is the failure of all attempts at r. A target that answers something else is not silent.
func (s *session) unanswered(ctx context.Context, r request) *Error {
	e := silenceError(s.client.Retries, s.wire.strange, s.wire.late)
	if e.alive = s.wire.late || (!s.tentative && !s.settled.alone && s.probe()); e.alive {
		e.OID = r.oids[0]
	} else if s.user != nil && !s.tentative && !s.wire.discovered {
		once := s.settled
		once.retries = 0
		_, _ = s.wire.discover(ctx, once) // whether it is there
	}
	return e
}

// probe reports whether the target answers anything.
func (s *session) probe() bool {
	retries := s.client.Retries
	defer func() { s.client.Retries = retries }()
	s.client.Retries, s.wire.retrying = 0, false
	_, err := s.call(request{pdu: snmp.GetNextRequest, oids: []snmp.OID{probeName}})
	return err == nil
}

// outOfTime is the end of the context.
func (s *session) outOfTime(ctx context.Context) *Error { return outOfTimeError(ctx, s.wire.answered) }

// OutOfTime is the *Error of what is missing because ctx has ended.
func OutOfTime(ctx context.Context, op, target string) error {
	e := outOfTimeError(ctx, false)
	e.Op, e.Target = op, target
	return e
}

// outOfTimeError is the end of a context. A target that did not say a word until then timed out, in this
// poll or others of the same Progress; one that did answers too slowly.
func outOfTimeError(ctx context.Context, answered bool) *Error {
	err := ctx.Err()
	if err == nil {
		err = context.DeadlineExceeded
	}
	switch answered = answered || ProgressOf(ctx).Answered(); {
	case !errors.Is(err, context.DeadlineExceeded):
		return &Error{Reason: Canceled, Err: err}
	case answered:
		return &Error{Reason: Deadline, Err: fmt.Errorf("the target answered, but not everything before the deadline: %w", err)}
	}
	return &Error{Reason: Timeout, Err: fmt.Errorf("request timeout: no answer before the deadline: %w", err)}
}
