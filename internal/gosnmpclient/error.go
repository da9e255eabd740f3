package gosnmpclient

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gosnmp/gosnmp"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// reportErrors are the errors that gosnmp makes of Reports that it saw itself. Their reasons are those of other Reports.
var reportErrors = []struct {
	err  error
	kind snmp.ReportKind
}{
	{gosnmp.ErrUnknownSecurityLevel, snmp.UnsupportedSecurityLevel},
	{gosnmp.ErrUnknownSecurityModels, snmp.UnknownSecurityModel},
	{gosnmp.ErrNotInTimeWindow, snmp.NotInTimeWindow},
	{gosnmp.ErrUnknownUsername, snmp.UnknownUserName},
	{gosnmp.ErrUnknownEngineID, snmp.UnknownEngineID},
	{gosnmp.ErrWrongDigest, snmp.WrongDigest},
	{gosnmp.ErrDecryption, snmp.DecryptionError},
	{gosnmp.ErrUnknownPDUHandlers, snmp.UnknownPDUHandler},
}

// classify returns the error of an exchange that failed. An error that is nothing else
// is gosnmp's word that it could not read the answer to r.
func (s *session) classify(ctx context.Context, err error, r mux.Request) *access.Error {
	var seen *access.ReportError
	ended := s.wire.Failure()
	switch {
	case errors.As(err, &seen):
		return &access.Error{Reason: seen.Reason(), Err: seen}
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return s.outOfTime(ctx)
	case ended != nil:
		return &access.Error{Reason: access.SocketReason(ended), Err: ended}
	case errors.Is(err, gosnmp.ErrMaxRetriesExceeded):
		return s.unanswered(ctx, r)
	}
	for _, known := range reportErrors {
		if errors.Is(err, known.err) {
			return &access.Error{Reason: access.ReportReason(known.kind), Err: fmt.Errorf("agent reports %w", err)}
		}
	}
	if text, _, panicked := strings.Cut(err.Error(), " Stack:"); panicked {
		err = errors.New(text)
	}
	return &access.Error{Reason: access.Malformed, OID: r.OIDs[0], Err: fmt.Errorf("reading the answer: %w", err)}
}

// unanswered is the failure of all attempts at r. A target that answers something else is not silent.
func (s *session) unanswered(ctx context.Context, r mux.Request) *access.Error {
	e := mux.SilenceError(s.client.Retries, s.wire.LastInvalid, s.wire.Late)
	if e.Alive = s.wire.Late || (!s.tentative && !s.limits.Alone && s.probe()); e.Alive {
		e.OID = r.OIDs[0]
	} else if s.user != nil && !s.tentative && !s.wire.Discovered {
		once := s.limits
		once.Retries = 0
		_, _ = s.wire.Discover(ctx, once) // whether it is there
	}
	return e
}

// probe reports whether the target answers anything.
func (s *session) probe() bool {
	retries := s.client.Retries
	defer func() { s.client.Retries = retries }()
	s.client.Retries, s.wire.Retrying = 0, false
	_, err := s.call(mux.Request{PDU: snmp.GetNextRequest, OIDs: []snmp.OID{mux.ProbeName}})
	return err == nil
}

// outOfTime is the end of the context.
func (s *session) outOfTime(ctx context.Context) *access.Error {
	return mux.OutOfTimeError(ctx, s.wire.Answered)
}
