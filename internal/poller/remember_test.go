package poller

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/history"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// counting is a device with a counter of 1000 octets a second and an uptime.
type counting struct {
	mu     sync.Mutex
	booted time.Time
	octets uint64 // at booted
	silent bool
}

func (d *counting) Poll(_ context.Context, _ *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.silent {
		return client.Stats{Packets: 4}, &access.Error{Op: "walk", Reason: access.Timeout, Err: errors.New("request timeout")}
	}
	up := time.Since(d.booted)
	yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.1.3.0"), Type: snmp.TimeTicks, Value: snmp.AppendUint(nil, uint64(up/(10*time.Millisecond)))})
	yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.2.2.1.10.1"), Type: snmp.Counter32, Value: snmp.AppendUint(nil, d.octets+uint64(up.Seconds()*1000))})
	return client.Stats{Packets: 1, VarBinds: 2}, nil
}

var countingModule = collector.Compile("c", &collector.Settings{
	Walk: []setting.OID{setting.ParseOID("1.3.6.1.2.1")},
	Metrics: []collector.MetricSettings{
		{Name: "sysUpTime", OID: setting.ParseOID("1.3.6.1.2.1.1.3"), Type: "gauge"},
		{Name: "ifInOctets", OID: setting.ParseOID("1.3.6.1.2.1.2.2.1.10"), Type: "counter", Indexes: []collector.IndexSettings{{LabelName: "ifIndex", Type: "gauge"}}},
	},
})

// A rate is of two polls that belong together: an outage, a restart of the device, even of one whose counter is greater
// than before, and a missed poll leave gaps at their time and nowhere else.
func TestRatesEndWithOutagesAndRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &counting{booted: time.Now().Add(-time.Hour)}
		p := New(Options{PassOptions: PassOptions{Open: func(client.Spec) (collector.Session, error) { return d, nil }}, Logger: slog.New(slog.DiscardHandler), History: history.NewStore()})
		one := target("a", time.Minute)
		one.Modules = []*collector.Module{countingModule}
		p.SetTargets([]*Target{one})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		change := func(f func()) {
			d.mu.Lock()
			defer d.mu.Unlock()
			f()
		}
		last := func() (rate float32, points []float64) {
			v := p.History("a", true)[0]
			return v.Tracks[0].Rates[0], v.Tracks[0].Points(0)
		}
		time.Sleep(10 * time.Minute)
		if rate, points := last(); math.Abs(float64(rate)-8000) > 1 || math.IsNaN(points[59]) || math.IsNaN(points[54]) {
			t.Errorf("%g bit/s, %v", rate, points)
		}
		change(func() { d.silent = true })
		time.Sleep(5 * time.Minute)
		if rate, points := last(); math.Abs(float64(rate)-8000) > 1 || !math.IsNaN(points[59]) || !math.IsNaN(points[55]) || math.IsNaN(points[53]) {
			t.Errorf("silent: the rate of the last answer is %g, %v", rate, points)
		}
		change(func() { d.silent = false })
		time.Sleep(time.Minute)
		if rate, _ := last(); !math.IsNaN(float64(rate)) {
			t.Errorf("after an outage: %g", rate)
		}
		time.Sleep(3 * time.Minute)
		change(func() { d.booted, d.octets = time.Now(), 3_000_000_000 })
		time.Sleep(time.Minute)
		if rate, points := last(); !math.IsNaN(float64(rate)) || !math.IsNaN(points[59]) || math.IsNaN(points[58]) {
			t.Errorf("after a restart: %g, %v", rate, points)
		}
		time.Sleep(time.Minute)
		if rate, _ := last(); math.Abs(float64(rate)-8000) > 1 {
			t.Errorf("%g bit/s", rate)
		}
		p.SetTargets(nil)
		if n := p.options.History.Bytes(); n != 0 {
			t.Errorf("%d octets of no target", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
