package notify

import (
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/originator"
	"trapline/internal/originator/receivertest"
	"trapline/internal/statedir"
)

// receiverAt is a receiver that answers, however busy the machine is: it is asked once. Tests of others say so.
func receiverAt(t testing.TB, address string, a access.Auth) originator.Receiver {
	t.Helper()
	p, to := receivertest.Resolve(t, address, a)
	return originator.Receiver{Address: to, Principal: p, Timeout: time.Minute}
}

func newSender(t testing.TB, r originator.Receiver, identity *originator.Identity) *originator.Sender {
	t.Helper()
	s, err := originator.NewSender(r, identity)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func trap(t testing.TB, s *originator.Sender, n *originator.Notification) {
	t.Helper()
	if err := s.Trap(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func openDir(t testing.TB, dir string) *statedir.Dir {
	t.Helper()
	s, err := statedir.Open(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
