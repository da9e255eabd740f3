package neighbours

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"trapline/internal/statedir"
)

// said is a reading of a device with an ID that names others by theirs.
func said(id string, others ...string) *Reading {
	r := &Reading{Keys: []string{chassisKey(7, []byte(id)), nameKey([]byte(id))}}
	for _, other := range others {
		r.Neighbours = append(r.Neighbours, Neighbour{LLDP, other, []string{chassisKey(7, []byte(other))}})
	}
	return r
}

// fleet is a book with devices that have the IDs of their names, the first of which are roots.
func fleet(roots int, names ...string) *Book {
	b := NewBook()
	var devices []Device
	for _, name := range names {
		devices = append(devices, Device{Name: name})
	}
	b.Configure(names[:roots], devices)
	return b
}

// A link counts if both ends name each other, or a root names the other.
func TestBothEndsAgree(t *testing.T) {
	for _, test := range []struct {
		name, says, want string // "device: neighbours; …"
		ids              map[string]string
	}{
		{name: "both", says: "a: b; b: a", want: "a-b lldp"},
		{name: "one", says: "a: b; b:"},
		{name: "a root", says: "root: b; b:", want: "b-root lldp"},
		{name: "not by naming a root", says: "root:; b: root"},
		{name: "a neighbour of everything", says: "a: b; b: a; mallory: a b root; root:", want: "a-b lldp"},
		{name: "another one's ID adds a link, and takes away none", ids: map[string]string{"mallory": "a"}, says: "a: b; b: a; mallory: b", want: "a-b lldp, b-mallory lldp"},
		{name: "another one's ID alone", ids: map[string]string{"mallory": "a"}, says: "a: b; b: a; mallory:", want: "a-b lldp"},
		{name: "over a neighbour of a root that is no target", says: "root: switch; a: switch", want: "a-root lldp over switch"},
		{name: "not over a target", says: "root: b; a: b; b:", want: "b-root lldp"},
		{name: "not over that of another one", says: "b: switch; a: switch"},
		{name: "itself", says: "a: a; b: b"},
	} {
		for seed := range uint64(8) {
			b := fleet(1, "root", "a", "b", "mallory")
			devices := strings.Split(test.says, "; ")
			rand.New(rand.NewPCG(seed, 1)).Shuffle(len(devices), func(i, j int) { devices[i], devices[j] = devices[j], devices[i] })
			for _, name := range []string{"root", "a", "b", "mallory"} {
				if !strings.Contains(test.says+";", name+":") {
					devices = append(devices, name+":")
				}
			}
			for i, device := range append(devices, devices...) { // all have to be known before one is no target
				name, others, _ := strings.Cut(device, ":")
				id := name
				if other := test.ids[name]; other != "" {
					id = other
				}
				b.Answered(name, said(id, strings.Fields(others)...), time.Duration(i), time.Unix(0, 0))
			}
			if got := text(b); got != test.want {
				t.Fatalf("%s: in the order %q: %q, want %q", test.name, devices, got, test.want)
			}
		}
	}
}

// Names count if they are unique, also without regard to their case; addresses count whoever else has them.
func TestKeysOfDevices(t *testing.T) {
	b := NewBook()
	b.Configure(nil, []Device{{"a", "192.0.2.1"}, {"b", "192.0.2.2"}, {"c", "192.0.2.3"}})
	to := func(keys ...string) []Neighbour { return []Neighbour{{CDP, "x", keys}} }
	switches := nameKey([]byte("Switch"))
	b.Answered("a", &Reading{Keys: []string{nameKey([]byte("Core.example.com"))}, Neighbours: to(switches)}, 0, time.Unix(0, 0))
	b.Answered("b", &Reading{Keys: []string{switches}, Neighbours: to(nameKey([]byte("core.EXAMPLE.com.")))}, 0, time.Unix(0, 0))
	if got := text(b); got != "a-b cdp" {
		t.Errorf("%q", got)
	}
	b = NewBook()
	b.Configure(nil, []Device{{"a", "192.0.2.1"}, {"b", "192.0.2.2"}, {"c", "192.0.2.3"}})
	b.Answered("c", &Reading{Keys: []string{switches}, Neighbours: to(addressKey([]byte{192, 0, 2, 1}))}, 0, time.Unix(0, 0))
	b.Answered("b", &Reading{Keys: []string{switches}}, 0, time.Unix(0, 0))
	b.Answered("a", &Reading{Neighbours: to(switches)}, 0, time.Unix(0, 0))
	if got := text(b); got != "" {
		t.Errorf("by a name of two: %q", got)
	}
	b.Answered("a", &Reading{Neighbours: to(addressKey([]byte{192, 0, 2, 3}))}, 0, time.Unix(0, 0))
	if got := text(b); got != "a-c cdp" {
		t.Errorf("by addresses: %q", got)
	}
	for _, nobody := range [][]byte{{127, 0, 0, 1}, {0, 0, 0, 0}, {224, 0, 0, 1}, {1, 2, 3}, nil} {
		if addressKey(nobody) != "" {
			t.Errorf("%v is an address", nobody)
		}
	}
}

// A link goes once both ends have answered without it for a day; not while one of them is silent, nor by partial tables.
func TestLinksGo(t *testing.T) {
	b := fleet(0, "a", "b")
	var now time.Duration
	hours := func(n int, answers func(hour int)) {
		for i := range n {
			now += time.Hour
			answers(i)
		}
	}
	answer := func(name string, others ...string) { b.Answered(name, said(name, others...), now, time.Unix(0, 0)) }
	answer("a", "b")
	answer("b", "a")
	hours(100, func(int) { answer("a") }) // b is dead
	if text(b) == "" {
		t.Fatal("a link of a device that does not answer goes")
	}
	hours(23, func(int) { answer("a"); answer("b") })
	if text(b) == "" { // 24 hours of b's: the first of its answers ends a time without any
		t.Fatal("a link goes too early")
	}
	hours(2, func(int) { b.Answered("b", &Reading{Partial: true}, now, time.Unix(0, 0)) })
	if text(b) == "" {
		t.Fatal("a link goes by a partial table")
	}
	answer("b", "a")
	answer("a", "b")
	hours(30, func(hour int) { answer("a"); answer("b", "a"); answer("a", "b") })
	if text(b) == "" {
		t.Fatal("a link goes that is there")
	}
	hours(26, func(int) { answer("a", "b"); answer("b") })
	if got := text(b); got != "" {
		t.Errorf("by the word of one: %q", got)
	}
}

// Whatever the order of answers, restarts and reloads, the same links are there in the end.
func TestTheOrderOfAnswersDecidesNothing(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		names := []string{"r", "a", "b", "c", "d", "e"}
		id := map[string]string{}
		says := map[string][]string{}
		for _, name := range names {
			if id[name] = name; r.IntN(6) == 0 {
				id[name] = names[r.IntN(len(names))]
			}
			for range r.IntN(4) {
				says[name] = append(says[name], append(names, "x", "y")[r.IntN(len(names)+2)])
			}
		}
		run := func(r *rand.Rand) string {
			b := fleet(1, names...)
			var now time.Duration
			for range r.IntN(40) { // anything may have been before
				now += time.Hour
				name, other := names[r.IntN(len(names))], names[r.IntN(len(names))]
				b.Answered(name, said(other, names[r.IntN(len(names))]), now, time.Unix(0, 0))
				if r.IntN(10) == 0 {
					restarted := fleet(1, names...)
					restarted.Restore(b.Links())
					b = restarted
				}
			}
			for range 60 {
				now += time.Hour
				for _, i := range r.Perm(len(names)) {
					b.Answered(names[i], said(id[names[i]], says[names[i]]...), now, time.Unix(0, 0))
				}
			}
			return text(b)
		}
		want := run(r)
		for range 5 {
			if got := run(r); got != want {
				t.Fatalf("seed %d: %q, want %q: %v %v", seed, got, want, says, id)
			}
		}
	}
}

// Links are there after a restart, and those that went are not.
func TestLinksAreStored(t *testing.T) {
	dir := t.TempDir()
	open := func() *statedir.Dir {
		s, err := statedir.Open(dir, nil, time.Unix(1e9, 0))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	b := fleet(0, "a", "b", "c\x00é\"")
	b.Answered("a", said("a", "b", "c\x00é\""), 0, time.Unix(1e9, 0))
	b.Answered("b", said("b", "a"), 0, time.Unix(1e9, 0))
	b.Answered("c\x00é\"", said("c\x00é\"", "a"), 0, time.Unix(1e9, 0))
	want := b.Links()
	if err := Store(s, b.Changes()); err != nil || len(want) != 2 {
		t.Fatal(err, want)
	}
	if len(b.Changes()) != 0 {
		t.Error("changes are stored again")
	}
	_ = s.Close()
	s = open()
	got, err := Load(s)
	if err != nil || len(got) != 2 || got[0].Since != want[0].Since || got[0].Ends != want[0].Ends {
		t.Fatalf("%+v %v", got, err)
	}
	b = fleet(0, "a", "b")
	b.Restore(got)
	b.Configure(nil, []Device{{Name: "a"}, {Name: "b"}})
	if err := Store(s, b.Changes()); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(func(tx *bbolt.Tx) error { return tx.Bucket(linksBucket).Put([]byte("x"), []byte("{]")) }); err != nil {
		t.Fatal(err)
	}
	if got, err = Load(s); err != nil || len(got) != 1 || got[0].Ends != (Ends{"a", "b"}) {
		t.Errorf("%+v %v", got, err)
	}
	_ = s.Close()
}

// A device with any number of neighbours, and any octets, keeps to the bounds.
func TestHostileReadings(t *testing.T) {
	b := fleet(1, "a", "b", "c")
	many := &Reading{}
	for i := range 3 * MaxNeighbours {
		many.Neighbours = append(many.Neighbours, Neighbour{LLDP, fmt.Sprint(i), []string{fmt.Sprint("c7", i)}})
	}
	for i := range 3 {
		b.Answered("a", many, time.Duration(i), time.Unix(0, 0))
	}
	if b.readings != MaxNeighbours {
		t.Errorf("%d neighbours are kept", b.readings)
	}
	b.Answered("a", &Reading{}, 4, time.Unix(0, 0))
	if b.readings != 0 {
		t.Errorf("%d neighbours are kept", b.readings)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		octets := make([]byte, r.IntN(300))
		for i := range octets {
			octets[i] = byte(r.Uint32())
		}
		keys := slices.DeleteFunc([]string{chassisKey(int64(r.IntN(9)), octets), deviceKey(octets), addressKey(octets), nameKey(octets)}, func(s string) bool { return s == "" })
		for _, key := range keys {
			if len(key) > maxText+2 {
				t.Fatalf("a key of %d octets", len(key))
			}
		}
		b.Answered("a", &Reading{Keys: keys, Neighbours: []Neighbour{{CDP, shown(octets), keys}}}, 5, time.Unix(0, 0))
		b.Of("a")
	}
}
