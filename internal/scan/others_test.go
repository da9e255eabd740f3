package scan

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

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

// Scans that run at the same moment, with other credentials, find whatever accepts theirs, and together send a device that
// answers no more failed logins than one scan may.
func TestLawOfScansAtTheSameMoment(t *testing.T) {
	var trials sync.WaitGroup
	for seed := range uint64(6) {
		trials.Go(func() {
			if err := scansAtOnce(t, seed); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
	trials.Wait()
}

func scansAtOnce(t *testing.T, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 21))
	network := netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 85, byte(seed), 0}), 24)
	fleet := scantest.Fleet{Network: network, Devices: 24, Unknown: 12, Mute: 3, Several: 4, Seed: seed, Users: []*snmp.User{user("poller", "correct horse")}, Communities: []string{"one"}}
	devices := fleet.Make()
	for i, d := range devices {
		d.Engine = fmt.Appendf(nil, "\x80\x00\x1f\x88\x04device-%d", i)
		if random.IntN(3) == 0 {
			d.Slow = 50 * time.Millisecond
		}
	}
	n := scantest.Serve(t, devices)
	dir := t.TempDir()
	candidates := [][]Candidate{
		{{"secure", v3("poller", "correct horse")}, {"one", v2c("one")}},
		{{"one", v2c("one")}, {"secure", v3("poller", "correct horse")}, {"three", v2c("three")}},
		{{"wrong", v3("poller", "another horse")}, {"four", v2c("four")}, {"five", v2c("five")}},
	}
	var scans errgroup.Group
	for i, network := range []string{network.String(), network.String(), fmt.Sprintf("127.85.%d.0/25", seed)} {
		o := options(t, n.Port(), network)
		o.Candidates, o.Listed = candidates[i], random.IntN(3) == 0
		o.AliveOnly = !o.Listed // nobody notes the communities that silent addresses are sent, and on a busy machine devices are
		o.Others = []string{filepath.Join(dir, "*.jsonl")}
		o.File = filepath.Join(dir, fmt.Sprintf("scan-%d.jsonl", i))
		s, err := Open(o)
		if err != nil {
			return err
		}
		defer s.Close()
		pause := time.Duration(random.Int64N(int64(2 * time.Second)))
		scans.Go(func() error {
			time.Sleep(pause)
			return s.Run(t.Context())
		})
	}
	err := scans.Wait()
	for _, d := range devices {
		if wrong, locked := n.Wrong(d); wrong > DefaultMaxFailures || locked {
			t.Errorf("seed %d: %v saw %d failed logins, locked: %v", seed, d.Addresses, wrong, locked)
		}
	}
	return err
}
