package scan

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// Whatever the devices, in whatever order their addresses are found: addresses are joined if, and only if, they are of one
// device, though engine IDs, MAC addresses and names are shared.
func TestLawOfIdentity(t *testing.T) {
	now := time.Unix(1e9, 0)
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		var list []Observation
		want := map[string]bool{}
		for d := range 1 + random.IntN(30) {
			f := Facts{Name: fmt.Sprint("name-", random.IntN(3)), ObjectID: "1.3.6.1.4.1.9", MAC: fmt.Sprint(random.IntN(4)), Started: now.Add(-time.Duration(d) * time.Minute)}
			if random.IntN(2) == 0 {
				f.Engine, f.Boots, f.Booted = fmt.Sprint(random.IntN(2)), 3, f.Started
			}
			var all []netip.Addr
			for i := range 1 + random.IntN(4) {
				all = append(all, netip.AddrFrom4([4]byte{10, byte(i), byte(random.IntN(256)), byte(d)}))
			}
			slices.SortFunc(all, compareAddresses)
			for i, a := range all {
				seen := f
				seen.Started = f.Started.Add(time.Duration(random.IntN(900)) * time.Millisecond)
				if random.IntN(3) == 0 && i > 0 {
					seen.Started = time.Time{} // which its table of addresses makes up for
					seen.Booted = time.Time{}
					seen.Addresses = all
				}
				list = append(list, Observation{a, &seen})
			}
			want[fmt.Sprint(all)] = true
		}
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		devices, _ := Identify(list)
		for _, d := range devices {
			var all []netip.Addr
			for _, o := range d {
				all = append(all, o.Address)
			}
			if !want[fmt.Sprint(all)] {
				t.Fatalf("seed %d: %v is no device", seed, all)
			}
			delete(want, fmt.Sprint(all))
		}
		if len(want) > 0 {
			t.Fatalf("seed %d: not found: %v", seed, want)
		}
	}
}

// Clones have another's engine ID and tables, and are apart; so are the members of a cluster of one name.
func TestShared(t *testing.T) {
	now := time.Unix(1e9, 0)
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for what, test := range map[string]struct {
		first, second Facts
		one           bool
		doubts        int
	}{
		"the same boots and time":     {Facts{Engine: "80", Boots: 2, Booted: now}, Facts{Engine: "80", Boots: 2, Booted: now.Add(2 * time.Second)}, true, 0},
		"a clone with another time":   {Facts{Engine: "80", Boots: 2, Booted: now}, Facts{Engine: "80", Boots: 2, Booted: now.Add(3 * time.Second)}, false, 1},
		"a clone with other boots":    {Facts{Engine: "80", Boots: 2, Booted: now}, Facts{Engine: "80", Boots: 3, Booted: now}, false, 1},
		"a cluster of one name":       {Facts{Name: "core", Started: now}, Facts{Name: "core", Started: now.Add(time.Hour)}, false, 0},
		"members with engines":        {Facts{Name: "core", Started: now, Engine: "80"}, Facts{Name: "core", Started: now, Engine: "81"}, false, 0},
		"a table with both addresses": {Facts{MAC: "00", Addresses: []netip.Addr{a, b}}, Facts{MAC: "00"}, true, 0},
		"a copy of another's table":   {Facts{MAC: "00"}, Facts{MAC: "00", Addresses: []netip.Addr{a}}, false, 1},
		"tables without evidence":     {Facts{Name: "a", Addresses: []netip.Addr{a, b}}, Facts{Name: "b"}, false, 0},
	} {
		devices, doubts := Identify([]Observation{{a, &test.first}, {b, &test.second}})
		if (len(devices) == 1) != test.one || len(doubts) != test.doubts {
			t.Errorf("%s: %d devices, doubts %v", what, len(devices), doubts)
		}
	}
}
