package discovery

import (
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/facts"
	"trapline/internal/poller"
)

// rig is a list that is read, and saved and restored at any moment.
type rig struct {
	t     *testing.T
	dir   string
	now   time.Time
	grace time.Duration
	list  *list
}

func newRig(t *testing.T, dir string) *rig {
	r := &rig{t: t, dir: dir, now: time.Unix(1e9, 0), grace: 15 * time.Minute}
	r.start()
	return r
}

func (r *rig) start() {
	r.list = &list{
		name: "inventory", sources: map[sourceKey][]labels.Labels{}, kinds: map[string]*kindState{"file": {heard: map[string]bool{}}},
		maker: &maker{list: "inventory", usual: func(*poller.TargetSettings) error { return nil }, book: facts.NewBook(), known: map[labels.Labels]*made{}},
		guard: guard{maxDrop: 50, grace: r.grace},
	}
	if err := r.list.restore(r.dir); err != nil {
		r.t.Fatal(err)
	}
	r.list.settle(false, r.now)
}

// read has the list read, with these numbers of devices in its sources.
func (r *rig) read(sources ...[]int) {
	var groups []*targetgroup.Group
	for i, numbers := range sources {
		g := &targetgroup.Group{Source: fmt.Sprint(i)}
		for _, n := range numbers {
			g.Targets = append(g.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(fmt.Sprintf("192.0.2.%d", n))})
		}
		groups = append(groups, g)
	}
	r.receive(groups)
}

func (r *rig) receive(groups []*targetgroup.Group) {
	r.list.receive("file", groups, r.now)
	r.list.settle(true, r.now)
	if err := r.list.saved().write(savedFile(r.dir, r.list.name)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) names() (names []string) {
	for _, e := range r.list.entries {
		names = append(names, e.Target.Name)
	}
	return names
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// A list that loses most of its targets at once keeps them until the grace time has passed and two refreshes agree.
func TestTheGuardKeepsTargets(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.read(upTo(20))
	expect := func(want int) {
		t.Helper()
		if n := len(r.list.entries); n != want {
			t.Errorf("%d targets, want %d", n, want)
		}
	}
	expect(20)
	r.read(upTo(2))
	expect(20)
	r.start() // from the saved list
	expect(20)
	r.now = r.now.Add(10 * time.Minute)
	r.read(upTo(2))
	r.read(upTo(2))
	expect(20)
	r.now = r.now.Add(16 * time.Minute)
	r.read(upTo(2))
	expect(2)
	r.read([]int{})
	expect(2)
	r.read(upTo(20))
	expect(20)
	r.read(upTo(11)) // less than half
	expect(11)
}

// A list that names its targets anew with each reading is polled as it is, with those of the grace time; one that goes
// back and forth between two states has both.
func TestTheGuardForgets(t *testing.T) {
	r := newRig(t, t.TempDir())
	most := 0
	for reading := range 300 {
		r.read(upTo(1000)[20*(reading%50) : 20*(reading%50)+20])
		if reading%50 < 25 {
			r.now = r.now.Add(time.Minute)
		} else {
			r.now = r.now.Add(10 * time.Minute)
		}
		most = max(most, len(r.list.entries))
	}
	if most > 20*18 || len(r.list.entries) > 20*5 {
		t.Errorf("%d targets, %d at most", len(r.list.entries), most)
	}
	for reading := range 100 {
		r.read(upTo(40)[20*(reading%2) : 20*(reading%2)+20])
		r.now = r.now.Add(10 * time.Minute)
	}
	if n := len(r.list.entries); n != 40 || len(r.list.guard.missing) != 20 {
		t.Errorf("%d targets, %d held", n, len(r.list.guard.missing))
	}
}

// Whatever a list has lost, and however long it is: no more is polled than a list may have.
func TestWhatTheGuardKeepsIsBounded(t *testing.T) {
	g := guard{maxDrop: 50, grace: time.Hour}
	now := time.Unix(1e9, 0)
	for reading := range 3 {
		wanted := map[string]*Entry{}
		for i := range maxTargets * 2 / 5 {
			wanted[fmt.Sprint(reading, "-", i)] = &Entry{}
		}
		now = now.Add(time.Minute)
		if kept := g.step(wanted, true, now); len(kept) > maxTargets || len(kept) < len(wanted) || len(g.missing) != len(kept)-len(wanted) {
			t.Errorf("%d targets of %d, %d missing", len(kept), len(wanted), len(g.missing))
		}
	}
	if g.accepted["0-0"] != nil && g.accepted["1-0"] == nil {
		t.Error("those that were lost last are gone first")
	}
}

// The address of a list's server changes: its targets stay until the new one has answered.
func TestOtherServersTakeNoTargetAway(t *testing.T) {
	dir := t.TempDir()
	d := New(func() {}, slog.New(slog.DiscardHandler))
	configure := func(url string) {
		d.Configure(Configuration{
			Lists: []Settings{{Name: "l", NetBox: &NetBox{URL: url}}}, StateDir: dir, Usual: func(*poller.TargetSettings) error { return nil },
		})
	}
	receive := func(names ...string) {
		g := &targetgroup.Group{Source: "devices"}
		for _, name := range names {
			g.Targets = append(g.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(name)})
		}
		for id := range d.lists[0].kinds {
			d.lists[0].receive(id, []*targetgroup.Group{g}, time.Now())
		}
		d.lists[0].settle(true, time.Now())
		d.saveList(d.lists[0].name)
	}
	expect := func(when string, want int) {
		t.Helper()
		if n := len(d.Entries()); n != want {
			t.Errorf("%s: %d targets", when, n)
		}
	}
	configure("https://old.example")
	receive("a", "b", "c")
	configure("https://new.example")
	expect("a reload", 3)
	d = New(func() {}, slog.New(slog.DiscardHandler))
	configure("https://new.example")
	expect("a restart", 3)
	receive("a", "b")
	expect("an answer", 2)
}

// Whatever is read, in which order and with which restarts: a target is polled while a source has it, and one that no
// source has goes only with few others, or once the grace time has passed.
func TestLawOfLists(t *testing.T) {
	for seed := range 40 {
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		r := newRig(t, t.TempDir())
		sources := make([][]int, 3)
		var lost time.Time // since when the list has less than it had
		for step := range 60 {
			before := r.names()
			switch random.IntN(6) {
			case 0:
				r.start()
				if after := r.names(); !slices.Equal(before, after) {
					t.Fatalf("seed %d, step %d: a restart makes %v of %v", seed, step, after, before)
				}
				lost = r.now
				continue
			case 1:
				r.now = r.now.Add(time.Duration(random.IntN(20)) * time.Minute)
			case 2:
				sources[random.IntN(3)] = nil
			case 3:
				sources[random.IntN(3)] = upTo(random.IntN(30))
			case 4: // a broken file says nothing
				r.receive(nil)
			}
			if random.IntN(2) == 0 {
				r.read(sources...)
			}
			after := r.names()
			present := map[string]bool{}
			for _, name := range after {
				present[name] = true
			}
			for key, all := range r.list.sources {
				for _, raw := range all {
					if name := raw.Get(model.AddressLabel); !present[name] {
						t.Fatalf("seed %d, step %d: source %v has %s, which is not polled", seed, step, key, name)
					}
				}
			}
			gone := slices.DeleteFunc(slices.Clone(before), func(name string) bool { return present[name] })
			if len(gone) == 0 {
				if r.list.guard.missing == nil {
					lost = time.Time{}
				} else if lost.IsZero() {
					lost = r.now
				}
				continue
			}
			few := len(gone) < smallDrop && len(after) > 0 || 2*len(gone) <= len(before)
			if !few && (lost.IsZero() || r.now.Sub(lost) < r.grace) {
				t.Fatalf("seed %d, step %d: %d of %d targets went at once", seed, step, len(gone), len(before))
			}
			lost = time.Time{}
		}
	}
}

// The labels of a scrape job for snmp_exporter mean the same here.
func TestLabelsOfScrapeJobs(t *testing.T) {
	raw := merged(model.LabelSet{"__address__": "192.0.2.1:1161"}, model.LabelSet{
		"__param_module": "if_mib,system", "__param_auth": "secure", "__scrape_interval__": "30s", "site": "berlin", "__meta_x": "y", "job": "snmp", "instance": "core-1",
	})
	got, err := new(job).target(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "core-1" || got.Address != "192.0.2.1:1161" || got.Auth != "secure" || !slices.Equal(got.Modules, []string{"if_mib", "system"}) ||
		got.Interval.Duration != 30*time.Second || !maps.Equal(got.Labels, map[string]string{"site": "berlin"}) {
		t.Errorf("%+v", got)
	}
}
