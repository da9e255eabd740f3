package access

import (
	"errors"
	"fmt"

	"trapline/internal/snmp"
)

// Reason names a kind of failure: the value of the `reason` label of metrics, and stable.
type Reason string

// The reasons. Those of the second group leave a part of a table missing, those of the first all of it.
const (
	Timeout          Reason = "timeout"            // nobody answered, or the community, privacy key or context is wrong
	Refused          Reason = "refused"            // the host says that nothing listens there
	Unreachable      Reason = "unreachable"        // no route, or the socket could not be opened
	Resolve          Reason = "resolve"            // the host name has no address
	UnknownUser      Reason = "unknown_user"       // Report usmStatsUnknownUserNames
	WrongDigest      Reason = "wrong_digest"       // Report usmStatsWrongDigests: password or auth protocol
	UnsupportedLevel Reason = "unsupported_level"  // Report usmStatsUnsupportedSecLevels
	Decryption       Reason = "decryption"         // Report usmStatsDecryptionErrors
	UnknownEngine    Reason = "unknown_engine"     // Report usmStatsUnknownEngineIDs that discovery did not mend
	NotInTimeWindow  Reason = "not_in_time_window" // Report usmStatsNotInTimeWindows, likewise
	UnknownContext   Reason = "unknown_context"    // Report that nobody serves the context
	Authorization    Reason = "authorization"      // error-status authorizationError: level or view too low
	Credentials      Reason = "credentials"        // the auth cannot be used: a secret file is missing
	Canceled         Reason = "canceled"           // the caller of the pass ended it
	Internal         Reason = "internal"           // a fault of the program, which is logged

	ErrorStatus   Reason = "error_status"   // the agent answered with an error-status
	NotIncreasing Reason = "not_increasing" // OIDs went backwards or round in a circle
	EmptyAnswer   Reason = "empty_answer"
	Malformed     Reason = "malformed" // what came is not SNMP, or not an answer to what was asked
	TooMany       Reason = "too_many"  // the walk passed the limit of varbinds
	Late          Reason = "late"      // answers came, but after the timeout
	Deadline      Reason = "deadline"  // the time for the pass was over while the target still answered
	Duplicate     Reason = "duplicate" // samples have the name and labels of others, and were dropped
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
	OID    snmp.OID // the instance or subtree that was asked for; nil when it is the whole target
	Last   snmp.OID // the last OID that arrived of it; nil when none
	Reason Reason
	Err    error
	// Dropped reports that nothing of OID counts, whatever of it was handed on.
	Dropped bool
	// Discovered reports, of a Timeout of the whole target, that its SNMPv3 engine answered a discovery in the same Poll:
	// it is there, and drops what the user sends.
	Discovered bool

	Alive    bool // the target answered other requests
	Silenced bool // it fell silent: the pass ends
}

// doing has the verb of each Op.
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

// TargetFailed reports whether the failure is the target's, so that asking it for more is pointless. Where the
// reason leaves that open, it is when no OID is named, and of a timeout when nothing else was answered.
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

// Ends reports whether the failure leaves no time or sense to ask the target for more, although it answered.
func (e *Error) Ends() bool { return e.Reason == Deadline || e.Silenced }

// Errors takes apart what Poll returned.
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
