package originator

import (
	"testing"
	"time"

	"trapline/internal/originator/receivertest"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

func TestTrapsCarryTheTimeAsItIs(t *testing.T) {
	identity := newIdentity(t)
	sink := receivertest.ListenUDP(t)
	s := newSender(t, receiverAt(t, sink.LocalAddr().String(), receivertest.Credentials(peers.UsualUsers()[2])), identity)
	for _, ago := range []time.Duration{0, 5 * time.Second, 100 * time.Hour} {
		identity.booted = time.Now().Add(-ago)
		trap(t, s, &Notification{Trap: receivertest.WarmStart})
		m, err := snmp.ParseMessage3(receivertest.Receive(t, sink))
		if want := int32(ago / time.Second); err != nil || m.Boots != 1 || m.Time < want || m.Time > want+60 {
			t.Errorf("%s after the start: boots %d, time %d, %v", ago, m.Boots, m.Time, err)
		}
	}
}

// A machine that was suspended has missed no time, of which receivers would hold the rest against us.
func TestEngineTimeGoesOnWhileTheMachineSleeps(t *testing.T) {
	i, now := newIdentity(t), time.Now()
	_, before, err := i.Clock(now)
	if err != nil {
		t.Fatal(err)
	}
	slept := i.slept
	i.asleep = func() time.Duration { return slept + time.Hour }
	if boots, after, err := i.Clock(now.Add(time.Minute)); err != nil || boots != 1 || after-before != 3660 {
		t.Errorf("boots %d, time went from %d to %d, %v", boots, before, after, err)
	}
}
