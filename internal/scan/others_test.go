package scan

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"

	"trapline/internal/scan/scantest"
	"trapline/internal/snmp"
)

// Scans of overlapping networks that keep files of their own send a device that answers no more failed logins than one.
func TestFailedLoginsOfOtherScansCount(t *testing.T) {
	fleet := scantest.Fleet{Network: netip.MustParsePrefix("127.0.67.192/27"), Devices: 9, Unknown: 9, Seed: 3, Users: []*snmp.User{user("poller", "correct horse")}}
	devices := fleet.Make()
	n := scantest.Serve(t, devices)
	dir := t.TempDir()
	for i, network := range []string{"127.0.67.192/27", "127.0.67.192/26", "127.0.67.0/24"} {
		o := options(t, n.Port(), network)
		o.Others = []string{filepath.Join(dir, "*.jsonl")}
		o.File = filepath.Join(dir, fmt.Sprintf("scan-%d.jsonl", i))
		sweepWith(t, &o)
	}
	seen := 0
	for _, d := range devices {
		if d.Engine == nil {
			continue // it does not answer, and each sweep asks it with communities
		}
		wrong, _ := n.Wrong(d)
		if seen = max(seen, wrong); wrong > DefaultMaxFailures {
			t.Errorf("%v saw %d failed logins", d.Addresses, wrong)
		}
	}
	if seen == 0 {
		t.Error("no login failed")
	}
}
