package scan

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"trapline/internal/scan/scantest"
	"trapline/internal/snmp"
)

var errKilled = errors.New("killed")

// kill ends a scan as the end of its process would: nothing is sent or noted from now on. It leaves a copy of its state.
func kill(s *Scan, file string, cancel context.CancelFunc) error {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.failed = errKilled
	cancel()
	for _, suffix := range []string{"", ".position"} {
		text, err := os.ReadFile(s.o.File + suffix)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file+suffix, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Whenever a scan is interrupted, be it while devices that have answered once are slow: it goes on, finds each usable
// device, and no device sees more wrong logins than allowed. After a kill it may lack devices whose login was under way.
func TestLawOfInterruptions(t *testing.T) {
	var trials sync.WaitGroup
	for seed := range uint64(10) {
		trials.Go(func() {
			r := interruptions{random: rand.New(rand.NewPCG(seed, 20)), hidden: map[*scantest.Device]bool{}}
			if err := r.run(t, seed); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
	trials.Wait()
}

// interruptions is a scan that is interrupted and killed.
type interruptions struct {
	random  *rand.Rand
	devices []*scantest.Device
	network *scantest.Network
	o       Options
	hidden  map[*scantest.Device]bool // whose answer was on its way when the scan was killed
}

func (r *interruptions) run(t *testing.T, seed uint64) error {
	network := netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 83, byte(seed), 0}), 24)
	fleet := scantest.Fleet{Network: network, Devices: 24, Unknown: 4, Mute: 1, Several: 2, Seed: seed, Users: []*snmp.User{user("poller", "correct horse")}, Communities: []string{"one", "two"}}
	r.devices = fleet.Make()
	for i, d := range r.devices {
		if d.User == nil && r.random.IntN(2) == 0 {
			d.Engine = fmt.Appendf(nil, "\x80\x00\x1f\x88\x04device-%d", i)
		}
		if r.random.IntN(2) == 0 {
			d.Slow, d.Quick = 100*time.Millisecond, r.random.IntN(3)
		}
	}
	r.network = scantest.Serve(t, r.devices)
	r.o = options(t, r.network.Port(), network.String())
	r.o.Timeout, r.o.Rate, r.o.SubnetRate = 400*time.Millisecond, 1000, 1000
	for range 3 {
		if err := r.interrupt(1+r.random.IntN(800), r.random.IntN(2) == 0, t.TempDir()); err != nil {
			return err
		}
	}
	r.network.Watch(nil)
	s, err := Open(r.o)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Run(t.Context()); err != nil {
		return err
	}
	r.compare(t, s.Devices())
	return nil
}

// interrupt scans until devices and silent addresses have seen so many datagrams.
func (r *interruptions) interrupt(datagrams int, killed bool, dir string) error {
	s, err := Open(r.o)
	if err != nil {
		return err
	}
	defer s.Close()
	r.o.Resume = true
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	file := filepath.Join(dir, "scan.jsonl")
	ended := make(chan error, 1)
	r.network.Watch(func(seen int) {
		switch {
		case seen != datagrams:
		case killed:
			ended <- kill(s, file, cancel)
		default:
			cancel()
		}
	})
	if err := s.Run(ctx); ctx.Err() == nil {
		r.o.Resume = false
		return err
	}
	if !killed {
		return nil
	}
	r.o.File = file
	return errors.Join(<-ended, r.noteHidden())
}

// noteHidden notes of which devices a scan that was killed does not know the outcome of a login.
func (r *interruptions) noteHidden() error {
	s, err := Open(r.o)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, d := range r.devices {
		known, open := !r.network.Answered(d), false
		for _, a := range d.Addresses {
			record, _ := s.state.record(a)
			known, open = known || record.Auth != "", open || record.Auth == "" && record.Guard.Open != ""
		}
		r.hidden[d] = r.hidden[d] || open || !known
	}
	return nil
}

func (r *interruptions) compare(t *testing.T, found []Device) {
	have := map[string]bool{}
	for i := range found {
		have[fmt.Sprint(found[i].Addresses)] = true
	}
	missed := 0
	for _, d := range r.devices {
		if wrong, locked := r.network.Wrong(d); wrong > DefaultMaxFailures || locked {
			t.Errorf("%v saw %d wrong logins, locked: %v", d.Addresses, wrong, locked)
		}
		if all := slices.SortedFunc(slices.Values(d.Addresses), netip.Addr.Compare); !d.Usable() || have[fmt.Sprint(all)] {
			continue
		}
		if missed++; !r.hidden[d] {
			t.Errorf("%v was not found as one device", d.Addresses)
		}
	}
	t.Logf("%d devices found, %d missed", len(found), missed)
}

// A wrong community that was under way when a scan was interrupted is not sent again before the right one, however long
// the scan that goes on waits for answers.
func TestWrongCommunityUnderWay(t *testing.T) {
	network := netip.MustParsePrefix("127.83.16.0/24")
	fleet := scantest.Fleet{Network: network, Devices: 5, Seed: 4, Communities: []string{"two"}}
	devices := fleet.Make()
	for i, d := range devices {
		d.Engine = fmt.Appendf(nil, "\x80\x00\x1f\x88\x04device-%d", i)
	}
	n := scantest.Serve(t, devices)
	o := options(t, n.Port(), network.String())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n.Watch(func(int) {
		underWay := 0
		for _, d := range devices {
			wrong, _ := n.Wrong(d)
			underWay += wrong
		}
		if underWay == len(devices) {
			cancel()
		}
	})
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.Close()
	o.Resume, o.Timeout = true, time.Second
	compare(t, n, devices, sweepWith(t, &o))
}
