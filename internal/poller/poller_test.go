package poller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// network answers after a time of each device's own; one without an answer fails after its time.
type network struct {
	mu      sync.Mutex
	latency map[string]time.Duration
	dead    map[string]bool
	passes  map[string][]time.Time
	running map[string]int
	overlap []string
	flying  int
	most    int // that were flying at once
}

func newNetwork() *network {
	return &network{latency: map[string]time.Duration{}, dead: map[string]bool{}, passes: map[string][]time.Time{}, running: map[string]int{}}
}

func (n *network) open(s client.Spec) (collector.Session, error) {
	return &device{n, s.Address}, nil
}

func (n *network) count(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.passes[name])
}

type device struct {
	network *network
	address string
}

func (d *device) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	d.network.mu.Lock()
	d.network.passes[d.address] = append(d.network.passes[d.address], time.Now())
	if d.network.running[d.address]++; d.network.running[d.address] > 1 {
		d.network.overlap = append(d.network.overlap, d.address)
	}
	d.network.flying++
	d.network.most = max(d.network.most, d.network.flying)
	latency, dead := d.network.latency[d.address], d.network.dead[d.address]
	d.network.mu.Unlock()
	defer func() {
		d.network.mu.Lock()
		d.network.flying--
		d.network.running[d.address]--
		d.network.mu.Unlock()
	}()
	select {
	case <-time.After(latency):
	case <-ctx.Done():
		return client.Stats{}, client.OutOfTime(ctx, "walk", d.address)
	}
	if dead {
		return client.Stats{Packets: 4, Retries: 3}, &access.Error{Op: "walk", Target: d.address, Reason: access.Timeout, Err: errors.New("request timeout (after 3 retries)")}
	}
	yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.9.0"), Type: snmp.Integer, Value: []byte{7}})
	return client.Stats{Packets: 1, VarBinds: 1}, nil
}

var module = collector.Compile("m", &collector.Settings{
	Walk:    []setting.OID{setting.ParseOID("1.3.9")},
	Metrics: []collector.MetricSettings{{Name: "answer", OID: setting.ParseOID("1.3.9"), Type: "gauge"}},
})

func target(name string, interval time.Duration) *Target {
	return &Target{Name: name, Interval: interval, Spec: client.Spec{Address: name}, Modules: []*collector.Module{module}}
}

// poll runs a poller over the network for a time.
func poll(t *testing.T, n *network, concurrency int, targets []*Target, during func(*Poller)) {
	t.Helper()
	p := New(Options{PassOptions: PassOptions{Open: n.open}, Logger: slog.New(slog.DiscardHandler), Concurrency: concurrency})
	p.SetTargets(targets)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	during(p)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestEveryTargetKeepsItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		var targets []*Target
		for i := range 50 {
			targets = append(targets, target(fmt.Sprint("t", i), 30*time.Second))
		}
		poll(t, n, 0, targets, func(*Poller) { time.Sleep(10 * time.Minute) })
		starts := map[time.Duration]bool{}
		for name, at := range n.passes {
			if len(at) < 20 || len(at) > 21 {
				t.Errorf("%s: %d passes in 10 minutes", name, len(at))
			}
			for i := 2; i < len(at); i++ {
				if gap := at[i].Sub(at[i-1]); gap != 30*time.Second {
					t.Errorf("%s: %v between passes", name, gap)
				}
			}
			starts[time.Duration(at[1].UnixNano())%(30*time.Second)] = true
		}
		if len(starts) != len(targets) {
			t.Errorf("%d targets share %d places in the interval", len(targets), len(starts))
		}
	})
}

func TestSlowTargetIsNeverPolledTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.latency["slow"] = 25 * time.Second
		poll(t, n, 0, []*Target{target("slow", 10*time.Second)}, func(p *Poller) {
			time.Sleep(5 * time.Minute)
			r, _ := p.Report("slow")
			if r.Last == nil || r.Last.Up || r.Last.Errors[0].Reason != access.Timeout {
				t.Errorf("a pass that takes longer than the interval ended as %+v", r.Last)
			}
		})
		if len(n.overlap) > 0 {
			t.Errorf("overlapping passes: %v", n.overlap)
		}
	})
}

func TestDeadTargetsDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		var targets []*Target
		for i := range 40 {
			name := fmt.Sprint("t", i)
			if i < 20 {
				n.dead[name], n.latency[name] = true, 9*time.Second
			}
			targets = append(targets, target(name, 10*time.Second))
		}
		poll(t, n, 20, targets, func(*Poller) { time.Sleep(5 * time.Minute) })
		for name, at := range n.passes {
			for i := 5; i < len(at) && !n.dead[name]; i++ {
				if gap := at[i].Sub(at[i-1]); gap != 10*time.Second {
					t.Errorf("%s: %v between passes", name, gap)
				}
			}
		}
	})
}

func TestConcurrencyOfOneIsOnePassAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		var targets []*Target
		for _, name := range []string{"a", "b", "c", "dead"} {
			n.latency[name] = 3 * time.Second
			targets = append(targets, target(name, 20*time.Second))
		}
		n.dead["dead"] = true
		poll(t, n, 1, targets, func(*Poller) { time.Sleep(10 * time.Minute) })
		if n.most != 1 {
			t.Errorf("%d passes at once", n.most)
		}
		for _, x := range targets {
			if got := n.count(x.Name); got < 20 {
				t.Errorf("%s: %d passes", x.Name, got)
			}
		}
	})
}

func TestSeriesOfAFailedPassAreWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		poll(t, n, 0, []*Target{target("a", 10*time.Second)}, func(p *Poller) {
			count := func() (samples int, up bool) {
				r, _ := p.Report("a")
				for _, s := range r.Last.Sets {
					samples += s.Len()
				}
				return samples, r.Last.Up
			}
			time.Sleep(time.Minute)
			if samples, up := count(); samples == 0 || !up {
				t.Errorf("alive: %d samples, up %v", samples, up)
			}
			n.mu.Lock()
			n.dead["a"] = true
			n.mu.Unlock()
			time.Sleep(time.Minute)
			if samples, up := count(); samples != 0 || up {
				t.Errorf("dead: %d samples, up %v", samples, up)
			}
		})
	})
}

func TestReloadKeepsThePaceOfWhatDidNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		interval := 30 * time.Second
		poll(t, n, 0, []*Target{target("same", interval), target("gone", interval), target("other", interval)}, func(p *Poller) {
			time.Sleep(2 * time.Minute)
			changed := target("other", interval)
			changed.Spec.Context = "new"
			passes := n.count("gone")
			p.SetTargets([]*Target{target("same", interval), changed})
			time.Sleep(time.Second)
			if r, ok := p.Report("same"); !ok || r.Last == nil {
				t.Error("the target that did not change lost its last pass")
			}
			if r, _ := p.Report("other"); r.Last == nil || time.Since(r.Last.Start) > time.Second {
				t.Error("the target that changed was not polled at once")
			}
			time.Sleep(2 * time.Minute)
			if n.count("gone") != passes {
				t.Error("a target that is gone is still polled")
			}
		})
		for i, at := range n.passes["same"] {
			if i > 1 && at.Sub(n.passes["same"][i-1]) != interval {
				t.Errorf("pass %d came after %v", i, at.Sub(n.passes["same"][i-1]))
			}
		}
	})
}

func TestRequestsForTheSameShareOnePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.latency["a"] = time.Second
		p := &Prober{Options: PassOptions{Open: n.open}}
		var group sync.WaitGroup
		passes := make([]*Pass, 10)
		for i := range passes {
			group.Go(func() { passes[i], _ = p.Probe(t.Context(), target("a", 0)) })
		}
		group.Wait()
		if len(n.passes["a"]) != 1 {
			t.Errorf("%d passes for %d requests", len(n.passes["a"]), len(passes))
		}
		for _, pass := range passes {
			if pass == nil || pass != passes[0] {
				t.Error("a request got no pass, or one of its own")
			}
		}
		if _, err := p.Probe(t.Context(), target("a", 0)); err != nil || len(n.passes["a"]) != 2 {
			t.Errorf("a later request: %d passes, %v", len(n.passes["a"]), err)
		}
	})
}

func TestPassEndsWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.latency["a"] = time.Hour
		p := &Prober{Options: PassOptions{Open: n.open}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Probe(ctx, target("a", 0)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the request ended with %v", err)
		}
		synctest.Wait()
		if n.running["a"] != 0 {
			t.Error("the pass still runs")
		}
	})
}

func TestFreshPassServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		poll(t, n, 0, []*Target{target("a", time.Minute)}, func(p *Poller) {
			time.Sleep(10 * time.Second)
			asked := target("a", 0)
			for _, c := range []struct {
				maxAge time.Duration
				want   bool
			}{{0, false}, {5 * time.Second, false}, {20 * time.Second, true}} {
				if got := p.Fresh(asked, c.maxAge, time.Now()) != nil; got != c.want {
					t.Errorf("with max_age %v a pass of 10 s ago serves: %v", c.maxAge, got)
				}
			}
			asked.Spec.Context = "other"
			if p.Fresh(asked, time.Hour, time.Now()) != nil {
				t.Error("a pass with another context serves")
			}
		})
	})
}

// A reload while a pass is on its way does not change the target that the pass is reported for.
func TestAPassIsReportedOfTheTargetThatItWasOf(t *testing.T) {
	old, young := target("device", time.Hour), target("device", time.Hour)
	reported := make(chan *Target)
	var p *Poller
	p = New(Options{
		Logger: slog.New(slog.DiscardHandler),
		PassOptions: PassOptions{Open: func(client.Spec) (collector.Session, error) {
			p.SetTargets([]*Target{young})
			return nil, errors.New("the device is gone")
		}},
		Ended: func(r Report) { reported <- r.Target },
	})
	p.SetTargets([]*Target{old})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	if got := <-reported; got != old {
		t.Error("the pass is reported to be of the target that came by the reload")
	}
	if r, _ := p.Report("device"); r.Target != young {
		t.Error("the reload changed nothing")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
