package scan

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/scan/scantest"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/sweep"
)

func user(name, password string) *snmp.User {
	return &snmp.User{Name: name, Auth: snmp.SHA, AuthKey: snmp.Passphrase(password)}
}

func v3(name, password string) *access.Auth {
	a := access.DefaultAuth()
	a.Version, a.Community, a.Username, a.SecurityLevel, a.AuthProtocol, a.Password = 3, "", name, access.AuthNoPriv, "SHA", setting.Secret(password)
	return &a
}

func v2c(community string) *access.Auth {
	a := access.DefaultAuth()
	a.Community = setting.Secret(community)
	return &a
}

func options(t *testing.T, port uint16, networks ...string) Options {
	t.Helper()
	list, err := sweep.ParseNetworks(networks)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sweep.NewRange(list, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Range: r, Of: strings.Join(networks, ","), Rate: 10_000, SubnetRate: 10_000, Port: port, Timeout: 300 * time.Millisecond, Retries: 1,
		Spacing: 10 * time.Millisecond, File: filepath.Join(t.TempDir(), "scan.jsonl"),
		Candidates: []Candidate{{"secure", v3("poller", "correct horse")}, {"one", v2c("one")}, {"two", v2c("two")}},
	}
}

// A network with devices of several addresses, clones, locked and mute ones is swept, and interrupted twice: each device
// that accepts a login is found once, and none is locked.
func TestScanOfA22(t *testing.T) {
	fleet := scantest.Fleet{
		Network: netip.MustParsePrefix("127.82.0.0/22"), Devices: 200, Several: 20, Clones: 6, Unknown: 10, Mute: 4, Seed: 5,
		Users: []*snmp.User{user("poller", "correct horse")}, Communities: []string{"one", "two"},
	}
	devices := fleet.Make()
	n := scantest.Serve(t, devices)
	o := options(t, n.Port(), "127.82.0.0/22")
	for interrupted := 0; ; interrupted++ {
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if interrupted < 2 {
			time.AfterFunc(time.Duration(300*(interrupted+1))*time.Millisecond, cancel)
		}
		err = s.Run(ctx)
		cancel()
		if err == nil {
			compare(t, n, devices, s.Devices())
			for _, d := range devices {
				for _, a := range d.Addresses {
					if r, _ := s.state.record(a); d.Usable() && r.Auth == "" {
						t.Logf("%v of %v saw %+v, and is %+v", a, d.Addresses, n.Counts(a), r)
					}
				}
			}
			s.Close()
			break
		}
		s.Close()
		o.Resume = true
	}
}

// A sweep with other networks or credentials than the last one is due at once, others when their time comes.
func TestScansThatHaveChanged(t *testing.T) {
	fleet := scantest.Fleet{Network: netip.MustParsePrefix("127.82.4.0/28"), Devices: 3, Seed: 6, Communities: []string{"one"}}
	n := scantest.Serve(t, fleet.Make())
	o := options(t, n.Port(), "127.82.4.0/28")
	reopened := func(o Options, sweep bool) (changed bool) {
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		changed = s.Changed()
		if sweep {
			if err := s.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return changed
	}
	if reopened(o, true) || reopened(o, false) {
		t.Error("a first scan, or the same again, has changed")
	}
	others, fewer := o, o
	others.Of += " port 1161"
	fewer.Candidates = o.Candidates[1:]
	if !reopened(others, false) || !reopened(fewer, false) {
		t.Error("other networks, or credentials, are none")
	}
	if reopened(others, true); reopened(others, false) {
		t.Error("it has changed after it was swept")
	}
}

// compare compares devices that were found with those that are there.
func compare(t *testing.T, n *scantest.Network, devices []*scantest.Device, found []Device) {
	t.Helper()
	for _, d := range devices {
		if wrong, locked := n.Wrong(d); wrong > DefaultMaxFailures || locked {
			t.Errorf("%v saw %d wrong logins, locked: %v", d.Addresses, wrong, locked)
		}
	}
	compareDevices(t, devices, found)
}

func compareDevices(t *testing.T, devices []*scantest.Device, found []Device) {
	t.Helper()
	var want, got []string
	for _, d := range devices {
		if d.Usable() {
			all := slices.SortedFunc(slices.Values(d.Addresses), netip.Addr.Compare)
			want = append(want, fmt.Sprint(all))
		}
	}
	for _, d := range found {
		got = append(got, fmt.Sprint(d.Addresses))
	}
	slices.Sort(want)
	slices.Sort(got)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%s was not found as one device", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d devices found, want %d", len(got), len(want))
	}
}

// A device that is gone is known for three sweeps, one that moved keeps its number and name, and a target is no find.
func TestSweepsGoOn(t *testing.T) {
	fleet := scantest.Fleet{Network: netip.MustParsePrefix("127.82.16.0/25"), Devices: 4, Several: 2, Seed: 1, Communities: []string{"one", "two"}}
	devices := fleet.Make()
	n := scantest.Serve(t, devices)
	o := options(t, n.Port(), "127.82.16.0/24")
	o.Retries = 0
	sweepOnce := func() map[string]Device {
		t.Helper()
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		byName := map[string]Device{}
		for _, d := range s.Devices() {
			byName[d.Name] = d
		}
		return byName
	}
	var passed time.Duration
	o.Now = func() time.Time { return time.Now().Add(passed) }
	first := sweepOnce()
	if len(first) != 4 {
		t.Fatalf("%d devices", len(first))
	}
	n.Remove(devices[3])
	moved := devices[0].Addresses[0]
	if len(devices[0].Addresses) < 2 || first["device-0"].Address != slices.MinFunc(devices[0].Addresses, netip.Addr.Compare) {
		t.Fatalf("%+v", first["device-0"])
	}
	n.RemoveAddress(first["device-0"].Address)
	for i := range MissedSweeps {
		passed += 25 * time.Hour
		found := sweepOnce()
		if _, ok := found["device-3"]; ok != (i < MissedSweeps-1) {
			t.Errorf("after %d sweeps, a device that is gone is known: %v", i+1, ok)
		}
		d := found["device-0"]
		if d.ID != first["device-0"].ID || d.Address == first["device-0"].Address {
			t.Errorf("a device that moved from %v is %+v", moved, d)
		}
	}
	passed += 25 * time.Hour
	o.Taken = map[netip.Addr]bool{devices[1].Addresses[0]: true}
	if found := sweepOnce(); len(found) != 2 {
		t.Errorf("with a target among them, devices are %v", found)
	}
}

// A device that speaks SNMPv2c alone is known by nothing before it accepts a community: each of its addresses may see a
// wrong one. From then on none does, be it an address that was down, or one that is new.
func TestDeviceIsSentNoOtherCommunityThanItsOwn(t *testing.T) {
	network := netip.MustParsePrefix("127.0.72.0/26")
	fleet := scantest.Fleet{Network: network, Devices: 3, Several: 3, Seed: 8, Communities: []string{"two"}}
	devices := fleet.Make()
	for _, d := range devices {
		d.Engine, d.LockAfter = nil, 0
	}
	n := scantest.Serve(t, devices)
	for _, d := range devices {
		n.RemoveAddress(d.Addresses[0])
	}
	o := options(t, n.Port(), "127.0.72.0/24")
	o.Candidates = o.Candidates[1:]
	var passed time.Duration
	o.Now = func() time.Time { return time.Now().Add(passed) }
	sweepWith(t, &o)
	before := map[*scantest.Device]int{}
	for _, d := range devices {
		wrong, _ := n.Wrong(d)
		if before[d] = wrong; wrong > len(d.Addresses)-1 {
			t.Errorf("%v saw %d wrong communities", d.Addresses, wrong)
		}
		n.AddAddress(d, d.Addresses[0])
	}
	passed = 25 * time.Hour
	found := sweepWith(t, &o)
	for _, d := range devices {
		wrong, _ := n.Wrong(d)
		t.Logf("%v saw %d wrong communities before they were known, %d after", d.Addresses, before[d], wrong-before[d])
		if wrong != before[d] {
			t.Errorf("%v, which are known, saw %d wrong communities more", d.Addresses, wrong-before[d])
		}
	}
	compareDevices(t, devices, found)
}

// Devices that answer later than they are waited for, or not each time, are found.
func TestDevicesThatAreSlow(t *testing.T) {
	network := netip.MustParsePrefix("127.0.72.64/26")
	fleet := scantest.Fleet{Network: network, Devices: 3, Seed: 8, Users: []*snmp.User{user("poller", "correct horse")}}
	for name, change := range map[string]func(*scantest.Device){
		"slow": func(d *scantest.Device) { d.Slow = 400 * time.Millisecond }, "lossy": func(d *scantest.Device) { d.Lossy = true },
		"slow, with a community": func(d *scantest.Device) { d.Slow, d.User, d.Community = 400*time.Millisecond, nil, "one" },
	} {
		t.Run(name, func(t *testing.T) {
			devices := fleet.Make()
			for _, d := range devices {
				change(d)
			}
			n := scantest.Serve(t, devices)
			o := options(t, n.Port(), "127.0.72.0/24")
			o.Retries = 0
			compare(t, n, devices, sweepWith(t, &o))
		})
	}
}

// After an interruption the login that was under way is the first: another would take its place.
func TestLoginUnderWayIsTheFirst(t *testing.T) {
	s, err := Open(options(t, 161, "127.0.72.0/30"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range s.credentials {
		d := &device{}
		d.guard.Begin(c.digest, time.Now())
		if list := s.choice(d); list[0] != c || len(list) != len(s.credentials) {
			t.Errorf("%s is under way, and %s the first of %d", c.Name, list[0].Name, len(list))
		}
	}
}

// An error that is no answer of the device to the login accepts nothing.
func TestErrorsThatAcceptALogin(t *testing.T) {
	accept := []access.Reason{access.ErrorStatus, access.Authorization, access.UnknownContext, access.EmptyAnswer, access.NotIncreasing, access.TooMany, access.Deadline, access.Duplicate}
	for _, reason := range access.Reasons {
		for _, v3 := range []bool{false, true} {
			if o, _ := judge(&access.Error{Reason: reason}, v3); (o == loginAccepted) != slices.Contains(accept, reason) {
				t.Errorf("%s, SNMPv3 %v: outcome %d", reason, v3, o)
			}
		}
	}
}
