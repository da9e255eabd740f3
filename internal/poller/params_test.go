package poller

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// planned records the parameters of the last request.
type planned struct {
	last *atomic.Pointer[client.Params]
}

func (d planned) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	d.last.Store(new(p.Params))
	return client.Stats{}, answers(ctx, yield)
}

// configured makes a target as a load of the configuration does: timeouts in seconds, 0 where none is set.
func configured(t *testing.T, ofTarget, ofModule, ofAll int) *Target {
	t.Helper()
	seconds := func(n int) client.Params {
		return client.Params{Timeout: setting.Duration{Duration: time.Duration(n) * time.Second}}
	}
	settings := map[string]*collector.Settings{"m": {Walk: []setting.OID{setting.ParseOID("1.3.9")}, Params: seconds(ofModule)}}
	x, err := NewTarget(&TargetSettings{Name: "device", Address: "192.0.2.1", Modules: []string{"m"}, Params: seconds(ofTarget)},
		&Global{Params: seconds(ofAll)}, NewCatalog(nil, settings, nil))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// The parameters of polls are those of the target, of its module, or of all targets, whichever sets them first; a reload that
// changes any of them takes effect with the next poll.
func TestReloadTakesParametersOfTargetModuleAndDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device := planned{new(atomic.Pointer[client.Params])}
		p := New(Options{Logger: slog.New(slog.DiscardHandler), PassOptions: PassOptions{Open: func(client.Spec) (collector.Session, error) { return device, nil }}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		for _, c := range []struct{ ofTarget, ofModule, ofAll, want, alone int }{
			{0, 0, 7, 7, 7}, {0, 3, 7, 3, 7}, {0, 4, 7, 4, 7}, {0, 4, 8, 4, 8}, {2, 4, 8, 2, 2}, {0, 4, 8, 4, 8}, {0, 0, 8, 8, 8}, {0, 0, 0, 0, 0},
		} {
			x := configured(t, c.ofTarget, c.ofModule, c.ofAll)
			p.SetTargets([]*Target{x})
			time.Sleep(3 * time.Minute)
			if got := device.last.Load().Timeout.Duration; got != time.Duration(c.want)*time.Second {
				t.Errorf("%+v: polled with a timeout of %v", c, got)
			}
			if got := x.EffectiveParams().Timeout.Duration; got != time.Duration(c.alone)*time.Second {
				t.Errorf("%+v: without a module the timeout is %v", c, got)
			}
			if first, second := x.ParamsOf(x.Modules[0]), x.ParamsOf(x.Modules[0]); first != second {
				t.Error("parameters are merged each time")
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
