package discovery

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/assign"
	"trapline/internal/facts"
	"trapline/internal/poller"
	"trapline/internal/setting"
)

var bySysName = []assign.Assignment{{Set: assign.Set{Name: facts.ParseTemplate("{{ .sysName }}")}}}

func (r *rig) assign(list []assign.Assignment) {
	r.list.maker.assign = assign.List{Entries: list}
	r.list.maker.hold = true
	clear(r.list.maker.known)
	r.list.settle(false, r.now)
}

// answer has a device say its name; "" is silence.
func (r *rig) answer(device int, name string) {
	key := facts.Key{Address: fmt.Sprintf("192.0.2.%d", device)}
	if name == "" {
		r.list.maker.book.Poll(key)
	} else {
		r.list.maker.book.Learn(key, facts.Facts{SysName: name, SysObjectID: "1.3.6.1.4.1.9.1"}.Lines())
	}
	r.list.settle(false, r.now)
}

// names returns the names of targets by their address.
func (r *rig) byAddress() map[string]string {
	names := map[string]string{}
	for _, e := range r.list.entries {
		names[e.Target.Address] = e.Target.Name
	}
	return names
}

// listed is byAddress without targets that the guard keeps: those get their names when they are back, or with a start.
func (r *rig) listed() map[string]string {
	names := r.byAddress()
	for _, a := range r.list.guard.missing {
		delete(names, a.entry.Target.Address)
	}
	return names
}

// A device is not polled until it was asked, then under its address until it answers, then under a name that it keeps.
func TestNamesOfDevices(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.assign(bySysName)
	r.read([]int{1, 2, 3, 4})
	expect := func(want ...string) {
		t.Helper()
		if got := r.names(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	expect()
	if r.list.waiting != 4 {
		t.Errorf("%d wait", r.list.waiting)
	}
	r.answer(1, "core-1")
	r.answer(2, "")
	expect("192.0.2.2", "core-1")
	r.answer(2, "core-1") // which 1 has
	r.answer(3, "192.0.2.1")
	r.answer(4, "sw\x1b[2J")
	expect("192.0.2.2", "192.0.2.3", "192.0.2.4", "core-1")
	if len(r.list.naming) != 3 {
		t.Errorf("%v", r.list.naming)
	}
	r.answer(1, "core-9")
	r.read([]int{2, 3, 4}) // 1 is gone, and nobody takes its name
	expect("192.0.2.2", "192.0.2.3", "192.0.2.4")
	r.read([]int{1, 2, 3, 4})
	expect("192.0.2.2", "192.0.2.3", "192.0.2.4", "core-1")
	r.list.maker.book.Unname() // accepted
	r.list.settle(false, r.now)
	expect("192.0.2.3", "192.0.2.4", "core-1", "core-9")
}

// Whatever devices say, in which order and with which restarts: no two targets have one name, each device that was asked
// is polled once, and one that got a name keeps it as long as the list has it.
func TestLawOfNames(t *testing.T) {
	names := []string{"a", "b", "c", "192.0.2.1", "192.0.2.3", "x\x00y", "{{ .sysName }}", ""}
	for seed := range 60 {
		random := rand.New(rand.NewPCG(uint64(seed), 1))
		r := newRig(t, t.TempDir())
		r.assign(bySysName)
		present, asked := upTo(6), map[int]bool{}
		got := map[string]string{} // by address
		for step := range 40 {
			switch random.IntN(4) {
			case 0:
				present = slices.DeleteFunc(upTo(6), func(int) bool { return random.IntN(4) == 0 })
				r.read(present)
			case 1:
				before := r.listed()
				if err := r.list.saved().write(savedFile(r.dir, r.list.name)); err != nil {
					t.Fatal(err)
				}
				r.list = nil
				r.startNamed()
				if after := r.listed(); fmt.Sprint(after) != fmt.Sprint(before) {
					t.Fatalf("seed %d, step %d: a restart makes %v of %v", seed, step, after, before)
				}
			default:
				n := random.IntN(6)
				asked[n] = asked[n] || slices.Contains(present, n)
				if asked[n] {
					r.answer(n, names[random.IntN(len(names))])
				}
			}
			now := r.byAddress()
			if len(now) != len(r.list.entries) {
				t.Fatalf("seed %d, step %d: a device is polled twice: %v", seed, step, r.names())
			}
			for _, n := range present {
				address := fmt.Sprintf("192.0.2.%d", n)
				name := now[address]
				if read := len(r.list.sources) > 0; read && asked[n] && name == "" && len(r.list.rejected) == 0 {
					t.Fatalf("seed %d, step %d: %s is not polled: %v", seed, step, address, now)
				}
				if before := got[address]; before != "" && before != address && name != before && name != address {
					t.Fatalf("seed %d, step %d: %s was %s, and is %s", seed, step, address, before, name)
				}
			}
			got = now
		}
	}
}

// startNamed starts the list from its file, with names of devices.
func (r *rig) startNamed() {
	r.list = &list{
		name: "inventory", sources: map[sourceKey][]labels.Labels{}, kinds: map[string]*kindState{"file": {heard: map[string]bool{}}},
		maker: &maker{list: "inventory", assign: assign.List{Entries: bySysName}, usual: func(*poller.TargetSettings) error { return nil }, book: facts.NewBook(), hold: true, known: map[labels.Labels]*made{}},
		guard: guard{maxDrop: 50, grace: r.grace},
	}
	if err := r.list.restore(r.dir); err != nil {
		r.t.Fatal(err)
	}
	r.list.settle(false, r.now)
}

// A fleet that was silent at the start and answers at once gets its names, and no guard takes that for a loss.
func TestNamesAreNoLoss(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.assign(bySysName)
	r.read(upTo(100))
	for n := range 100 {
		r.list.maker.book.Poll(facts.Key{Address: fmt.Sprintf("192.0.2.%d", n)})
	}
	r.list.settle(false, r.now)
	if len(r.list.entries) != 100 {
		t.Fatalf("%d targets", len(r.list.entries))
	}
	for n := range 100 {
		r.list.maker.book.Learn(facts.Key{Address: fmt.Sprintf("192.0.2.%d", n)}, &facts.Facts{SysName: fmt.Sprintf("sw-%d", n)})
	}
	r.list.settle(false, r.now)
	if len(r.list.entries) != 100 || len(r.list.guard.missing) != 0 || r.list.entries[0].Target.Name != "sw-0" {
		t.Errorf("%d targets, %d are held, the first is %s", len(r.list.entries), len(r.list.guard.missing), r.list.entries[0].Target.Name)
	}
}

// Entries of a scan need no answer: they carry it.
func TestEntriesWithFacts(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.assign([]assign.Assignment{{Match: assign.Match{SysObjectID: setting.ParseOID("1.3.6.1.4.1.9")}, Set: assign.Set{Name: facts.ParseTemplate("{{ .sysName }}")}}})
	r.receive([]*targetgroup.Group{{Source: "scan", Targets: []model.LabelSet{{
		"__address__": "192.0.2.1", metaLabel + "sysname": "core", metaLabel + "sysobjectid": "1.3.6.1.4.1.9.1",
	}}}})
	if got := r.names(); !slices.Equal(got, []string{"core"}) || len(r.list.asking) > 0 {
		t.Errorf("%q, %v", got, r.list.asking)
	}
}

// A device that says something else after it has begun anew keeps its name, and gets the labels of now.
func TestLabelsFollowADevice(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.assign([]assign.Assignment{{Set: assign.Set{Name: facts.ParseTemplate("{{ .sysName }}"), Labels: map[string]facts.Template{"place": facts.ParseTemplate("{{ .sysLocation }}")}}}})
	r.read([]int{1})
	for _, f := range []facts.Facts{{SysName: "core-1", SysLocation: "Berlin"}, {SysName: "core-9", SysLocation: "Hamburg"}} {
		f.SysObjectID = "1.3"
		r.list.maker.book.Learn(facts.Key{Address: "192.0.2.1"}, f.Lines())
		r.list.settle(false, r.now)
		if one := r.list.entries[0].Target; one.Name != "core-1" || one.Labels["place"] != f.SysLocation {
			t.Errorf("%s of %s, want core-1 of %s", one.Name, one.Labels["place"], f.SysLocation)
		}
	}
}
