package conn

import (
	"context"
	"errors"

	"trapline/internal/access"
	"trapline/internal/mux"
)

// Session makes one exchange at a time with a target. Of an error the Reason and Err are set, and OID where nothing but
// the answer to this request is at fault.
type Session interface {
	// Exchange returns the answer, which is valid until the next Exchange.
	Exchange(ctx context.Context, r mux.Request) (mux.Answer, *access.Error)
	// AnswersAtMost records that the target answers to so many bindings, but did not to more.
	AnswersAtMost(bindings, more int)
	// Discovered reports whether the target's SNMPv3 engine answered a discovery.
	Discovered() bool
	Close()
}

// Sessions opens sessions with one target.
type Sessions interface {
	Open(ctx context.Context, o Limits, stats *mux.Stats) (Session, *access.Error)
}

// newSessions is the argument of Register.
var newSessions func(*Target) Sessions

// Register sets the library that serves targets over TCP and those whose engine is gosnmp. It is called by the init
// function of the package that wraps the library.
func Register(f func(*Target) Sessions) { newSessions = f }

var errNoLibrary = errors.New("this program has no library for TCP and for engine: gosnmp")

// NewSessions returns the sessions of a target.
func NewSessions(t *Target) (Sessions, *access.Error) {
	if newSessions == nil {
		return nil, &access.Error{Reason: access.Unreachable, Err: errNoLibrary}
	}
	return newSessions(t), nil
}
