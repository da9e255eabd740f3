package poller

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// kind is how a device behaves in its passes.
type kind int

const (
	prompt    kind = iota // answers at once
	slow                  // takes its time for each of several answers
	silent                // never answers
	flapping              // answers in some passes and not in others
	halfway               // answers once and then no more
	recurring             // prompt but during the outage
)

// fleet is a network of devices of all kinds.
type fleet struct {
	mu     sync.Mutex
	r      *rand.Rand // guarded by mu
	kinds  map[string]kind
	outage func() bool
}

type fleetSession struct {
	fleet   *fleet
	address string
}

func (f *fleet) open(s client.Spec) (collector.Session, error) {
	return fleetSession{f, s.Address}, nil
}

func (f *fleet) coin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.r.IntN(2) == 0
}

// budget is the duration of a request to a silent device, with the default settings.
const budget = 20 * time.Second

func (s fleetSession) Poll(ctx context.Context, _ *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	answers, pause, heard := 2, 20*time.Millisecond, true
	switch s.fleet.kinds[s.address] {
	case slow:
		answers, pause = 6, 900*time.Millisecond
	case silent:
		heard = false
	case flapping:
		heard = s.fleet.coin()
	case halfway:
		answers = 1
	case recurring:
		heard = !s.fleet.outage()
	}
	for range answers {
		if !heard {
			break
		}
		if !rest(ctx, pause) {
			return client.Stats{}, client.OutOfTime(ctx, "walk", s.address)
		}
		client.ProgressOf(ctx).Answer()
	}
	if !heard || s.fleet.kinds[s.address] == halfway {
		if !rest(ctx, budget) {
			return client.Stats{}, client.OutOfTime(ctx, "walk", s.address)
		}
		return client.Stats{}, &access.Error{Op: "walk", Target: s.address, Reason: access.Timeout, Err: context.DeadlineExceeded}
	}
	yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.9.0"), Type: snmp.Integer, Value: []byte{7}})
	return client.Stats{}, nil
}

func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// No device that answers is polled late, whatever the number of those that do not, or not any more, or
// only halfway: from a cold start, and while all others fall silent and come back at the same time.
func TestSilentDevicesMakeNobodyLate(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tryFleet(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func tryFleet(t *testing.T, r *rand.Rand) {
	start := time.Now()
	f := &fleet{r: r, kinds: map[string]kind{}, outage: func() bool {
		d := time.Since(start)
		return d > 5*time.Minute && d < 9*time.Minute
	}}
	var targets []*Target
	add := func(k kind, n int) {
		for range n {
			name := fmt.Sprintf("t%d", len(targets))
			f.kinds[name] = k
			targets = append(targets, target(name, time.Minute))
		}
	}
	add(prompt, 1+r.IntN(60))
	add(slow, r.IntN(30))
	add(silent, r.IntN(2000))
	add(flapping, r.IntN(300))
	add(halfway, r.IntN(300))
	add(recurring, r.IntN(1000))
	r.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	p := New(Options{PassOptions: PassOptions{Open: f.open}, Logger: slog.New(slog.DiscardHandler), Concurrency: 10 + r.IntN(100)})
	p.SetTargets(targets)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	time.Sleep(15 * time.Minute)
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for name, s := range p.states {
		switch k := f.kinds[name]; {
		case s.late.Load() > 0 && k != silent && k != halfway:
			t.Errorf("%s of kind %d: %d of %d passes began late", name, k, s.late.Load(), s.passes.Load())
		case k == silent || k == halfway:
		case s.missed.Load() > 0 || s.passes.Load() < 14:
			t.Errorf("%s of kind %d: %d passes, %d left out", name, k, s.passes.Load(), s.missed.Load())
		}
	}
	if p.places.taken != 0 || p.places.holders.Len() != 0 || len(p.newcomers.taken)+len(p.unresponsive.taken) != 0 {
		t.Errorf("places: %d taken; slots: %d and %d", p.places.taken, len(p.newcomers.taken), len(p.unresponsive.taken))
	}
}
