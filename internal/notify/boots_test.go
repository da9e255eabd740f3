package notify

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/originator"
	"trapline/internal/originator/receivertest"
	"trapline/internal/peers"
	"trapline/internal/statedir"
)

// prime sets the receiver's cached clock of the engine far ahead, so that the receiver drops the
// engine's messages until the engine restarts.
func prime(t testing.TB, d *peers.Snmptrapd, i *originator.Identity) {
	t.Helper()
	boots, _, err := i.Clock(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	before := len(d.Received())
	args := slices.Concat([]string{"-v3", "-u", "usr-sha-aes", "-l", "authPriv", "-a", "SHA", "-A", peers.AuthPassphrase, "-x", "AES", "-X", peers.PrivPassphrase},
		peers.NetSNMPEngine(i.ID, boots, 100000), []string{d.Address, "1", "1.3.6.1.6.3.1.1.5.1"})
	peers.NetSNMP(t, "snmptrap", args...)
	d.AwaitReceived(t, before+1)
}

// A receiver that has seen our boots surpassed drops our traps in silence. Every start makes them count
// again.
func TestTrapsArriveAfterEveryStart(t *testing.T) {
	dir := t.TempDir()
	id, _, err := statedir.Engine(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", id)})
	user := receivertest.Credentials(peers.UsualUsers()[2])
	plain := newSender(t, receiverAt(t, d.Address, receivertest.Community(2)), nil)
	want := 0
	for life := range 3 {
		state, err := statedir.Open(dir, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		s := newSender(t, receiverAt(t, d.Address, user), state.Identity)
		trap(t, s, &originator.Notification{Trap: receivertest.Below(fmt.Sprintf("0.%d", life+1))})
		want++
		if got := d.AwaitReceived(t, want)[want-1]; !strings.HasSuffix(got, fmt.Sprintf(".0.%d", life+1)) {
			t.Fatalf("life %d: %s", life, got)
		}
		prime(t, d, state.Identity)
		want++
		trap(t, s, &originator.Notification{Trap: receivertest.Below("0.99")})
		trap(t, plain, &originator.Notification{Trap: receivertest.Below("0.100")})
		want++
		if got := d.AwaitReceived(t, want)[want-1]; !strings.HasSuffix(got, ".0.100") {
			t.Errorf("life %d: not dropped: %s", life, got)
		}
		if err := state.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Lost boots of a configured engine go on above those that were lost.
func TestTrapsArriveAfterTheStateIsLost(t *testing.T) {
	dir, id := t.TempDir(), []byte("\x80\x00\x00\x00\x04trapline")
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", id)})
	for life := range 2 {
		state, err := statedir.Open(dir, id, time.Now().Add(time.Duration(life-1)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		trap(t, newSender(t, receiverAt(t, d.Address, receivertest.Credentials(peers.UsualUsers()[2])), state.Identity), &originator.Notification{Trap: receivertest.WarmStart})
		d.AwaitReceived(t, 2*life+1)
		prime(t, d, state.Identity)
		if err := state.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "engine")); err != nil {
			t.Fatal(err)
		}
	}
}

// Two that stand in for each other have an engine each, and none of their traps is lost.
func TestTwoEnginesToOneReceiver(t *testing.T) {
	a, b := openDir(t, t.TempDir()), openDir(t, t.TempDir())
	var config strings.Builder
	fmt.Fprintf(&config, "createUser -e 0x%x usr-sha-aes SHA %s AES %s\n", b.Identity.ID, peers.AuthPassphrase, peers.PrivPassphrase)
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", a.Identity.ID), Config: config.String()})
	const each = 5
	for range each {
		for _, state := range []*statedir.Dir{a, b} {
			trap(t, newSender(t, receiverAt(t, d.Address, receivertest.Credentials(peers.UsualUsers()[2])), state.Identity), &originator.Notification{Trap: receivertest.WarmStart})
		}
	}
	d.AwaitReceived(t, 2*each)
}
