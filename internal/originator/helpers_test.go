package originator

import (
	"crypto/rand"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/originator/receivertest"
)

const sysDescr = "1.3.6.1.2.1.1.1.0"

// receiverAt is a receiver that answers, however busy the machine is: it is asked once. Tests of others say so.
func receiverAt(t testing.TB, address string, a access.Auth) Receiver {
	t.Helper()
	p, to := receivertest.Resolve(t, address, a)
	return Receiver{Address: to, Principal: p, Timeout: time.Minute}
}

func newSender(t testing.TB, r Receiver, identity *Identity) *Sender {
	t.Helper()
	s, err := NewSender(r, identity)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newIdentity returns an engine of its own that has started once.
func newIdentity(t testing.TB) *Identity {
	t.Helper()
	id := append([]byte("\x80\x00\x00\x00\x05"), make([]byte, 12)...)
	_, _ = rand.Read(id[5:])
	return NewIdentity(id, 1, time.Now(), func(int32) error { return nil })
}

func trap(t testing.TB, s *Sender, n *Notification) {
	t.Helper()
	if err := s.Trap(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}
