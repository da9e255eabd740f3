package access

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// Explained returns err with an explanation if the socket error is known.
func Explained(err error, network string, port uint16) error {
	if SocketReason(err) != Refused {
		return err
	}
	return &refusal{fmt.Sprintf("connection refused: nothing listens on %s port %d", strings.ToUpper(network[:3]), port), err}
}

// refusal explains a socket error.
type refusal struct {
	text  string
	cause error
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error { return r.cause }

// SocketReason returns the reason for a socket error.
func SocketReason(err error) Reason {
	var (
		resolve *net.DNSError
		timeout net.Error
	)
	switch {
	case errors.As(err, &resolve):
		return Resolve
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	}
	return Unreachable
}
