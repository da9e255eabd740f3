package poller

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/series"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// session is a device as one function.
type session func(ctx context.Context, yield func(snmp.VarBind)) error

func (f session) Poll(ctx context.Context, _ *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	return client.Stats{}, f(ctx, yield)
}

// pollOne runs a poller over one target, named device, for a time.
func pollOne(t *testing.T, x *Target, o Options, device session, during func(*Poller)) {
	t.Helper()
	o.PassOptions.Open = func(client.Spec) (collector.Session, error) { return device, nil }
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := New(o)
	p.SetTargets([]*Target{x})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	during(p)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// logged is a log that may be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func answers(_ context.Context, yield func(snmp.VarBind)) error {
	yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.9.0"), Type: snmp.Integer, Value: []byte{7}})
	return nil
}

// A pass that does not heed its deadline is a bug. It is logged and counted, and the device is not lost.
func TestPassThatDoesNotEndIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		var overran, polls atomic.Int32
		forever := make(chan struct{})
		device := session(func(ctx context.Context, yield func(snmp.VarBind)) error {
			if n := polls.Add(1); n == 3 || n == 6 {
				<-forever
			}
			return answers(ctx, yield)
		})
		o := Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Overran: func(*Target) { overran.Add(1) }}
		pollOne(t, target("device", time.Minute), o, device, func(p *Poller) {
			time.Sleep(20 * time.Minute)
			r, _ := p.Report("device")
			if n := polls.Load(); n < 16 || !r.Last.Up || overran.Load() != 2 {
				t.Errorf("%d passes, %d abandoned, the last: %+v", n, overran.Load(), r.Last)
			}
			if text := log.String(); strings.Count(text, "bug in Trapline") != 2 || !strings.Contains(text, "target=device") {
				t.Errorf("logged: %s", text)
			}
			close(forever)
			synctest.Wait()
			if s := p.states["device"]; s.abandoned.Load() != 0 {
				t.Errorf("%d passes count as abandoned after they have ended", s.abandoned.Load())
			}
		})
	})
}

// Passes that do not end do not pile up.
func TestAbandonedPassesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		var polls atomic.Int32
		device := session(func(context.Context, func(snmp.VarBind)) error {
			polls.Add(1)
			<-forever
			return nil
		})
		pollOne(t, target("device", time.Minute), Options{}, device, func(p *Poller) {
			time.Sleep(time.Hour)
			if n := polls.Load(); n != maxAbandoned+1 {
				t.Errorf("%d passes that do not end", n)
			}
			if r, _ := p.Report("device"); r.Last == nil || r.Last.Up {
				t.Errorf("the last pass: %+v", r.Last)
			}
			close(forever)
			time.Sleep(time.Hour)
			if n := polls.Load(); n < 60 {
				t.Errorf("%d passes, an hour after those have ended that did not", n)
			}
		})
	})
}

// A pass that its caller canceled says nothing of the device.
func TestCanceledPassIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var polls, reports atomic.Int32
		device := session(func(ctx context.Context, yield func(snmp.VarBind)) error {
			if polls.Add(1) > 1 {
				return &access.Error{Op: "walk", Target: "device", Reason: access.Canceled, Err: context.Canceled}
			}
			return answers(ctx, yield)
		})
		o := Options{Ended: func(r Report) {
			if reports.Add(1); !r.Last.Up {
				t.Error("a canceled pass is reported as a failure")
			}
		}}
		pollOne(t, target("device", time.Minute), o, device, func(p *Poller) {
			time.Sleep(10 * time.Minute)
			if r, _ := p.Report("device"); !r.Last.Up || reports.Load() != 1 || polls.Load() < 9 {
				t.Errorf("%d passes, %d reports, the last: %+v", polls.Load(), reports.Load(), r.Last)
			}
		})
	})
}

// A device that answers until the deadline of the pass is up, and the missing tables are incomplete.
func TestSlowAnswersAreLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device := session(func(ctx context.Context, yield func(snmp.VarBind)) error {
			for rest(ctx, time.Second) {
				client.ProgressOf(ctx).Answer()
			}
			return client.OutOfTime(ctx, "walk", "device")
		})
		x := target("device", time.Minute)
		x.Modules = []*collector.Module{module, module}
		pollOne(t, x, Options{}, device, func(p *Poller) {
			time.Sleep(150 * time.Second)
			r, _ := p.Report("device")
			if !r.Last.Up || len(r.Last.Errors) != 2 || r.Last.Errors[0].Reason != access.Deadline || r.Last.Errors[1].Reason != access.Deadline {
				t.Errorf("the last pass: %+v", r.Last)
			}
			text := exposed(t, &r)
			if !strings.Contains(text, `trapline_target_incomplete{table="",reason="deadline"} 1`) || strings.Contains(text, "trapline_target_error{") {
				t.Errorf("the series: %s", text)
			}
		})
	})
}

func TestDuplicatesAreIncompleteAndLoggedOnce(t *testing.T) {
	twice := collector.Compile("twice", &collector.Settings{
		Walk: []setting.OID{setting.ParseOID("1.3.9")},
		Metrics: []collector.MetricSettings{
			{Name: "same", OID: setting.ParseOID("1.3.9.1"), Type: "gauge"},
			{Name: "same", OID: setting.ParseOID("1.3.9.2"), Type: "gauge"},
			{Name: "other", OID: setting.ParseOID("1.3.9.3"), Type: "gauge"},
			{Name: "other", OID: setting.ParseOID("1.3.9.4"), Type: "gauge"},
		},
	})
	synctest.Test(t, func(t *testing.T) {
		var log logged
		var more atomic.Bool
		device := session(func(_ context.Context, yield func(snmp.VarBind)) error {
			for _, name := range []string{"1.3.9.1.0", "1.3.9.2.0", "1.3.9.3.0", "1.3.9.4.0"} {
				if name != "1.3.9.4.0" || more.Load() {
					yield(snmp.VarBind{Name: snmp.MustParseOID(name), Type: snmp.Integer, Value: []byte{7}})
				}
			}
			return nil
		})
		x := target("device", time.Minute)
		x.Modules = []*collector.Module{twice}
		pollOne(t, x, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, device, func(p *Poller) {
			time.Sleep(10 * time.Minute)
			if text := log.String(); strings.Count(text, "same name and labels") != 1 || !strings.Contains(text, "same{}") {
				t.Errorf("logged: %s", text)
			}
			r, _ := p.Report("device")
			text := exposed(t, &r)
			for _, table := range []string{"1.3.9.1", "1.3.9.2"} {
				if !strings.Contains(text, `trapline_target_incomplete{table="`+table+`",reason="duplicate"} 1`) {
					t.Errorf("%s is not incomplete: %s", table, text)
				}
			}
			more.Store(true)
			time.Sleep(10 * time.Minute)
			if text := log.String(); strings.Count(text, "same name and labels") != 2 || !strings.Contains(text, "other{}") {
				t.Errorf("logged: %s", text)
			}
		})
	})
}

func TestPollingThatStandsStillFailsTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device := session(answers)
		pollOne(t, target("device", time.Minute), Options{}, device, func(p *Poller) {
			time.Sleep(time.Hour)
			if err := p.Check(); err != nil {
				t.Error(err)
			}
			p.SetTargets(nil)
			time.Sleep(time.Hour)
			if err := p.Check(); err != nil {
				t.Errorf("without targets: %v", err)
			}
			p.SetTargets([]*Target{target("other", time.Minute)})
			if err := p.Check(); err != nil {
				t.Errorf("with a target that just came: %v", err)
			}
		})
		p := New(Options{})
		p.SetTargets([]*Target{target("device", time.Minute)})
		time.Sleep(4 * time.Minute)
		if p.Check() == nil {
			t.Error("nobody notices that no pass begins")
		}
	})
}

// exposed returns the exposition of a target.
func exposed(t *testing.T, r *Report) string {
	t.Helper()
	var out bytes.Buffer
	e := series.NewEncoder(&out, expfmt.NewFormat(expfmt.TypeTextPlain), nil)
	if err := e.Encode([]series.Group{r.Self()}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// A pass that does not heed that it is canceled does not keep the program from ending.
func TestPassThatDoesNotEndHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		defer close(forever)
		device := session(func(context.Context, func(snmp.VarBind)) error {
			<-forever
			return nil
		})
		pollOne(t, target("device", time.Minute), Options{}, device, func(*Poller) { time.Sleep(time.Second) })
	})
}
