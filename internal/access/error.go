package access

import (
	"errors"
	"fmt"

	"trapline/internal/snmp"
)

// Reason is the reason of a failure: the value of the `reason` label of metrics. Reasons are
// stable.
type Reason string

// The reasons. Those of the first group make the whole table fail, those of the second leave it
// incomplete.
const (
	Timeout          Reason = "timeout"            // no answer, or wrong community, privacy key or context
	Refused          Reason = "refused"            // ICMP port unreachable or connection refused
	Unreachable      Reason = "unreachable"        // no route, or the socket could not be opened
	Resolve          Reason = "resolve"            // the host name has no address
	UnknownUser      Reason = "unknown_user"       // Report usmStatsUnknownUserNames
	WrongDigest      Reason = "wrong_digest"       // Report usmStatsWrongDigests: password or auth protocol
	UnsupportedLevel Reason = "unsupported_level"  // Report usmStatsUnsupportedSecLevels
	Decryption       Reason = "decryption"         // Report usmStatsDecryptionErrors
	UnknownEngine    Reason = "unknown_engine"     // Report usmStatsUnknownEngineIDs after a discovery
	NotInTimeWindow  Reason = "not_in_time_window" // Report usmStatsNotInTimeWindows after a resynchronization
	UnknownContext   Reason = "unknown_context"    // Report snmpUnavailableContexts or snmpUnknownContexts
	Authorization    Reason = "authorization"      // error-status authorizationError: level or view too low
	Credentials      Reason = "credentials"        // the auth is unusable: a secret file is missing
	Canceled         Reason = "canceled"           // the caller canceled the poll
	Internal         Reason = "internal"           // an internal error, which is logged

	ErrorStatus   Reason = "error_status"   // the agent returned an error-status
	NotIncreasing Reason = "not_increasing" // OIDs decreased or repeated
	EmptyAnswer   Reason = "empty_answer"
	Malformed     Reason = "malformed" // the datagram is not SNMP, or not a response to the request
	TooMany       Reason = "too_many"  // the walk exceeded the limit of varbinds
	Late          Reason = "late"      // responses arrived after the timeout
	Deadline      Reason = "deadline"  // the deadline of the poll expired while the target still responded
	Duplicate     Reason = "duplicate" // samples with the name and labels of others were dropped
)

// Reasons lists all reasons.
var Reasons = []Reason{
	Timeout, Refused, Unreachable, Resolve, UnknownUser, WrongDigest, UnsupportedLevel, Decryption, UnknownEngine, NotInTimeWindow,
	UnknownContext, Authorization, Credentials, Canceled, Internal,
	ErrorStatus, NotIncreasing, EmptyAnswer, Malformed, TooMany, Late, Deadline, Duplicate,
}

// Error is a failed operation on a target.
type Error struct {
	Op     string // "get", "walk", "connect", "discover", "set"
	Target string
	OID    snmp.OID // the requested instance or subtree; nil for the whole target
	Last   snmp.OID // the last OID received of it, or nil
	Reason Reason
	Err    error
	// Dropped reports whether all values of OID are invalid, including those already delivered.
	Dropped bool
	// Discovered reports, for a Timeout of the whole target, whether its SNMPv3 engine answered a
	// discovery in the same Poll: the target is up but drops the user's messages.
	Discovered bool

	Alive    bool // the target answered other requests
	Silenced bool // the target stopped responding: the poll ends
}

// doing maps each Op to a verb phrase for error messages.
var doing = map[string]string{
	"get": "getting", "getnext": "getting the successors of", "walk": "walking", "connect": "connecting to", "discover": "discovering", "set": "setting objects of",
}

func (e *Error) Error() string {
	if e.OID == nil || e.Last == nil {
		return fmt.Sprintf("error %s target %s: %v", doing[e.Op], e.Target, e.Err)
	}
	return fmt.Sprintf("error %s target %s: %s ends after %s: %v", doing[e.Op], e.Target, e.OID, e.Last, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// TargetFailed reports whether the whole target failed, so that further requests are pointless. If
// the reason does not decide, the target failed if OID is nil and, for a Timeout, if it answered no
// other request.
func (e *Error) TargetFailed() bool {
	switch e.Reason {
	case ErrorStatus, NotIncreasing, EmptyAnswer, TooMany, Late, Deadline, Duplicate:
		return false
	case Timeout:
		return !e.Alive
	case Authorization, Malformed:
		return e.OID == nil
	}
	return true
}

// Ends reports whether the poll must end although the target responded before.
func (e *Error) Ends() bool { return e.Reason == Deadline || e.Silenced }

// Errors returns the errors that Poll joined.
func Errors(err error) []*Error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []*Error
		for _, e := range joined.Unwrap() {
			list = append(list, Errors(e)...)
		}
		return list
	}
	var e *Error
	if errors.As(err, &e) {
		return []*Error{e}
	}
	return nil
}
