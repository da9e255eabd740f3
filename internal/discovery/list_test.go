package discovery

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"

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
		maker: &maker{list: "inventory", usual: func(*poller.TargetSettings) error { return nil }, known: map[labels.Labels]*made{}},
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
	if err := r.list.save(r.dir); err != nil {
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
