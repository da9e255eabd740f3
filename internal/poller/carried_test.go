package poller

import (
	"context"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/history"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// changing is a device with a value that changes each minute, below two objects.
type changing struct{ began time.Time }

func (d *changing) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (stats client.Stats, err error) {
	roots := p.Columns
	if roots == nil {
		roots = p.Walk
	}
	now := int64(time.Since(d.began) / time.Minute)
	for _, name := range p.Get {
		v := snmp.VarBind{Name: name, Type: snmp.NoSuchObject}
		if name.String() == "1.3.6.1.2.1.1.3.0" {
			v.Type, v.Value = snmp.TimeTicks, snmp.AppendInt(nil, int64(time.Hour+time.Since(d.began))/int64(10*time.Millisecond))
		}
		yield(v)
	}
	for _, root := range roots {
		yield(snmp.VarBind{Name: append(root[:len(root):len(root)], 1), Type: snmp.Gauge32, Value: snmp.AppendInt(nil, now)})
		stats.VarBinds++
	}
	return stats, nil
}

// The history of a table that is read seldom has the values of the polls that read it, at their time, and gaps in between: a
// value that is carried is none of the poll that carries it.
func TestHistoriesHaveWhatWasRead(t *testing.T) {
	const seldom, often = "1.3.6.1.2.1.99.1.1.1.4", "1.3.6.1.2.1.25.3.3.1.2"
	metric := func(name, oid string) collector.MetricSettings {
		return collector.MetricSettings{Name: name, OID: setting.ParseOID(oid), Type: "gauge", Indexes: []collector.IndexSettings{{LabelName: "i", Type: "gauge"}}}
	}
	s := &collector.Settings{Walk: []setting.OID{setting.ParseOID(seldom), setting.ParseOID(often)}, Metrics: []collector.MetricSettings{metric("entPhySensorValue", seldom), metric("hrProcessorLoad", often)}}
	every := collector.RootSettings{OID: setting.ParseOID(seldom)}
	every.Every.Duration = 5 * time.Minute
	s.Every = append(s.Every, every)
	synctest.Test(t, func(t *testing.T) {
		d := &changing{began: time.Now()}
		p := New(Options{PassOptions: PassOptions{Open: func(client.Spec) (collector.Session, error) { return d, nil }}, Logger: slog.New(slog.DiscardHandler), History: history.NewStore()})
		one := target("a", time.Minute)
		one.Modules = []*collector.Module{collector.Compile("c", s)}
		p.SetTargets([]*Target{one})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		time.Sleep(70 * time.Minute)
		for _, v := range p.History("a", true) {
			points := v.Tracks[0].Points(0)
			known := 0
			for i, value := range points {
				if math.IsNaN(value) {
					continue
				}
				known++
				if now := float64(70 - len(points) + i + 1); math.Abs(value-now) > 2+now/10 { // which are logarithms
					t.Errorf("%s: %g at minute %g", v.Kind, value, now)
				}
			}
			if want := map[string]int{"hrProcessorLoad": 60, "entPhySensorValue": 12}[v.Kind]; known < want-1 || known > want {
				t.Errorf("%s: %d values in an hour, want %d: %v", v.Kind, known, want, points)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
