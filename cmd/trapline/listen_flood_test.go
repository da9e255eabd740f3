package main

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"trapline/internal/peers"
)

// Informs of 100,000 addresses come, or of TRAPLINE_SENDERS, among them those of one target: each of the target is counted, and
// the memory stays bounded.
func TestFloodOfSenders(t *testing.T) {
	t.Parallel()
	const together, device = 10_000, "127.0.84.90"
	for allow, senders := range map[string]int{"": 100_000, "allow: [127.0.0.0/8], ": 20_000} {
		if n, err := strconv.Atoi(os.Getenv("TRAPLINE_SENDERS")); err == nil {
			senders = n
		}
		address, _ := peers.FreeUDPAddresses(t)
		_, base := startProcess(t, fmt.Sprintf(`
state_dir: %s
auths: {public_v2: {community: public}}
targets: [{name: core-1, address: %s}]
global: {timeout: 50ms, retries: 0, interval: 1h}
listen: {addresses: [%q], %sauths: [public_v2]}
trap_rules: [{alert: SnmpAuthenticationFailure, on: authenticationFailure, expires: 1h}]
`, t.TempDir(), device, address, allow))
		list, own := informsOf(senders, 1, "1.3.6.1.6.3.1.1.5.5"), 0
		before, _ := summed(t, base, "process_resident_memory_bytes")
		for i, one := range list {
			sendFrom(t, fmt.Sprintf("127.%d.%d.%d:0", 100+i>>16, i>>8&255, i&255), address, string(one))
			if i%100 == 0 {
				sendFrom(t, device+":0", address, string(one))
				own++
			}
			for deadline := time.Now().Add(time.Minute); i%together == together-1; time.Sleep(50 * time.Millisecond) { // so that no buffer is full
				taken, _ := summed(t, base, "trapline_traps_total{")
				refused, _ := summed(t, base, "trapline_traps_refused_total{")
				if int(taken+refused) >= i+1+own {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%v of %d are taken, %v refused", taken, i+1+own, refused)
				}
			}
		}
		after, _ := summed(t, base, "process_resident_memory_bytes")
		if n, _ := summed(t, base, `trapline_traps_total{target="core-1"`); int(n) != own {
			t.Errorf("%q: %v of %d traps of the target are counted", allow, n, own)
		}
		t.Logf("%q: RSS is %.0f MiB, and was %.0f", allow, after/(1<<20), before/(1<<20))
		if after-before > 96<<20 {
			t.Errorf("%q: RSS grew by %.0f MiB", allow, (after-before)/(1<<20))
		}
	}
}
