package poller

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
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

// Whatever polls bring: the letters are the last 60 outcomes, the newest last, and the changes are the last 10 of the
// state, each of another state than the one before.
func TestSummariesRememberOutcomesAndChanges(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 5))
		s := (&Poller{}).successor(nil, target("a", time.Minute), time.Time{})
		var want strings.Builder
		var states []State
		at := time.Unix(1e9, 0)
		for range r.IntN(200) {
			for range r.IntN(3) / 2 {
				s.missed.Add(1)
				want.WriteByte('m')
			}
			at = at.Add(time.Minute)
			p := &Pass{Start: at, Up: r.IntN(3) > 0}
			if !p.Up || r.IntN(2) == 0 {
				p.Err = &access.Error{Op: "walk", OID: snmp.MustParseOID("1.3"), Reason: access.ErrorStatus, Err: errors.New("x")}
				p.Errors = access.Errors(p.Err)
			}
			want.WriteByte("wupd"[p.State()])
			if len(states) == 0 || states[len(states)-1] != p.State() {
				states = append(states, p.State())
			}
			_, u := s.summarize(s.target, p)
			if u.State != p.State() || u.Last != p || (u.Answered == p) != p.Up || u.Since.After(at) {
				t.Fatalf("seed %d: %+v after %+v", seed, u, p)
			}
		}
		u := s.summary.Load()
		if got, all := u.Outcomes.String(), want.String(); got != all[max(len(all)-60, 0):] {
			t.Fatalf("seed %d: %s, want %s", seed, got, all)
		}
		if len(u.Changes) != min(len(states), maxChanges) {
			t.Fatalf("seed %d: %d changes of %d", seed, len(u.Changes), len(states))
		}
		for i, c := range u.Changes {
			if c.State != states[len(states)-len(u.Changes)+i] || (c.State == Up) != (c.Text == "") {
				t.Fatalf("seed %d: %+v", seed, u.Changes)
			}
		}
	}
}

// introvert answers polls, but not who it is; or it answers that, too.
type introvert struct {
	mu     sync.Mutex
	asked  []time.Time // who it is
	uptime uint64
	shy    bool
}

func (d *introvert) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	uptime := snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.1.3.0"), Type: snmp.TimeTicks, Value: snmp.AppendUint(nil, d.uptime)}
	if len(p.Get) == 0 {
		yield(uptime)
		return client.Stats{Packets: 1, VarBinds: 1}, nil
	}
	d.asked = append(d.asked, time.Now())
	if d.shy {
		d.mu.Unlock()
		<-ctx.Done()
		d.mu.Lock()
		return client.Stats{}, client.OutOfTime(ctx, "get", "a")
	}
	yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.1.5.0"), Type: snmp.OctetString, Value: []byte("Rtr\xff1" + strings.Repeat("x", 999))})
	yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.47.1.1.1.1.11.1"), Type: snmp.NoSuchInstance})
	yield(uptime)
	return client.Stats{Packets: 1, VarBinds: 3}, nil
}

func (d *introvert) times() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.asked)
}

// A device is asked who it is after its first answer, once an hour, and after it began anew; its polls keep their time
// whether it says so or not.
func TestIdentityIsAskedSeldom(t *testing.T) {
	for _, shy := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := &introvert{uptime: 500_000, shy: shy}
			p := New(Options{PassOptions: PassOptions{Open: func(client.Spec) (collector.Session, error) { return d, nil }}, Logger: slog.New(slog.DiscardHandler), Identify: true})
			one := target("a", 10*time.Second)
			one.Modules = []*collector.Module{uptimeModule}
			p.SetTargets([]*Target{one})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- p.Run(ctx) }()
			time.Sleep(3*time.Hour - time.Minute)
			u := p.Summaries()[0]
			polls := p.states["a"].passes.Load()
			if want := map[bool]int{false: 3, true: 18}[shy]; d.times() != want {
				t.Errorf("shy: %v: asked %d times in 3 hours, want %d", shy, d.times(), want)
			}
			if !shy && (!strings.HasPrefix(u.Identity.SysName, "Rtr\uFFFD1xxx") || len(u.Identity.SysName) > maxIdentity+2 || !strings.Contains(u.Search, "\nrtr\uFFFD1xxx") || u.Identity.Serial != "" || time.Since(u.Identity.Booted) < 5000*time.Second) {
				t.Errorf("%+v, %q", u.Identity, u.Search)
			}
			if s := p.states["a"]; polls < 1070 || s.missed.Load()+s.late.Load() > 0 || u.State != Up {
				t.Errorf("shy: %v: %d polls, %d missed, %d late", shy, polls, s.missed.Load(), s.late.Load())
			}
			before := d.times()
			d.mu.Lock()
			d.uptime = 100
			d.mu.Unlock()
			time.Sleep(20 * time.Second)
			if d.times() != before+1 {
				t.Errorf("shy: %v: asked %d times after it began anew", shy, d.times()-before)
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// A target of which one module's part was answered is not down, whatever becomes of the others.
func TestWhoAnswersIsNotDown(t *testing.T) {
	session := func(refused func(n int) bool) Open {
		n := 0
		return func(client.Spec) (collector.Session, error) {
			return sessionFunc(func(yield func(snmp.VarBind)) error {
				if n++; refused(n) {
					return &access.Error{Op: "walk", Reason: access.Timeout, Err: errors.New("request timeout")}
				}
				yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.9.0"), Type: snmp.Integer, Value: []byte{7}})
				return nil
			}), nil
		}
	}
	two := target("a", time.Minute)
	two.Modules = []*collector.Module{module, module2}
	for want, refused := range map[State]func(int) bool{
		Up: func(int) bool { return false }, Partial: func(n int) bool { return n == 2 }, Down: func(int) bool { return true },
	} {
		o := PassOptions{Open: session(refused)}
		if p := o.Run(t.Context(), two, true); p.State() != want {
			t.Errorf("%s, want %s", p.State(), want)
		}
	}
}

type sessionFunc func(yield func(snmp.VarBind)) error

func (f sessionFunc) Poll(_ context.Context, _ *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	return client.Stats{Packets: 1}, f(yield)
}

// The last hour has the worst of each minute, no minute twice, and none from before.
func TestHourIsOfTheLastHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		var targets []*Target
		for _, name := range []string{"a", "b", "c"} {
			targets = append(targets, target(name, 10*time.Second))
		}
		poll(t, n, 0, targets, func(p *Poller) {
			time.Sleep(90 * time.Minute)
			n.mu.Lock()
			n.dead["a"] = true
			n.mu.Unlock()
			time.Sleep(20 * time.Second)
			n.mu.Lock()
			n.dead["a"] = false
			n.mu.Unlock()
			time.Sleep(10 * time.Minute)
			list := p.Hour(time.Now())
			if len(list) != 60 {
				t.Errorf("%d minutes", len(list))
			}
			down := 0
			for i, m := range list {
				if m.Total != 3 || i > 0 && m.At.Sub(list[i-1].At) != time.Minute {
					t.Errorf("%d: %+v", i, m)
				}
				if down += m.Down; m.Down > 0 && (time.Since(m.At) > 12*time.Minute || m.Answered >= m.Polls) {
					t.Errorf("%+v", m)
				}
			}
			if down < 1 || down > 2 {
				t.Errorf("down in %d minutes", down)
			}
		})
	})
}

var uptimeModule = collector.Compile("u", &collector.Settings{
	Walk:    []setting.OID{setting.ParseOID("1.3.6.1.2.1.1.3")},
	Metrics: []collector.MetricSettings{{Name: "sysUpTime", OID: setting.ParseOID("1.3.6.1.2.1.1.3"), Type: "gauge"}},
})

var module2 = collector.Compile("m2", &collector.Settings{
	Walk:    []setting.OID{setting.ParseOID("1.3.9")},
	Metrics: []collector.MetricSettings{{Name: "answer2", OID: setting.ParseOID("1.3.9"), Type: "gauge"}},
})
