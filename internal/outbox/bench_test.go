package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/notify"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/setting"
	"trapline/internal/statedir"
)

// benchmarkOutbox is an outbox whose every transaction is on the disk, with one receiver.
func benchmarkOutbox(b *testing.B, deliver queue.Deliver, rate float64) *outbox.Outbox {
	b.Helper()
	route := &queue.Route{Name: "nms", Deliver: deliver, Window: 16, Spacing: time.Duration(float64(time.Second) / rate), MaxAge: 24 * time.Hour, EveryTransition: true}
	silent := slog.New(slog.DiscardHandler)
	j, err := journal.Open(journal.Options{Dir: b.TempDir(), Logger: silent})
	if err != nil {
		b.Fatal(err)
	}
	o, err := outbox.New(openDir(b), []*queue.Route{route}, outbox.Options{Logger: silent, Metrics: outbox.NewMetrics(prometheus.NewRegistry()), Journal: j}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	return o
}

// BenchmarkEnqueue has 64 writers commit one transition after the other: the rate is that of transitions
// on the disk.
func BenchmarkEnqueue(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d-writers", writers), func(b *testing.B) {
			o := benchmarkOutbox(b, nil, 1)
			var next atomic.Int64
			var group sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range writers {
				group.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						hot := alarm.Alarm{ID: alarm.ID("", "rule", fmt.Sprint(i), nil), Rule: "rule", Target: fmt.Sprint(i), Severity: alarm.Major, Summary: "it is hot"}
						if err := o.Apply([]outbox.Transition{{Alarm: hot, Active: true}}, time.Now()); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// informReceiver returns a socket, and a route of informs to it with the default settings.
func informReceiver(b *testing.B) (net.PacketConn, *queue.Route) {
	b.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	auth := access.DefaultAuth()
	auth.Version = 2
	shared := &notify.Dependencies{Settings: &notify.Settings{EnterpriseOID: setting.ParseOID("1.3.6.1.4.1.32473")}, Auths: map[string]*access.Auth{"public_v2": &auth}, Metrics: outbox.NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler)}
	shared.Identity = originator.FixedIdentity([]byte("\x80\x00\x00\x00\x04trapline"), 1, 0, time.Now())
	inform, err := notify.NewRoute(&notify.ReceiverSettings{Name: "nms", Type: "inform", Address: conn.LocalAddr().String(), Auth: "public_v2", Window: 16, Rate: 50}, shared)
	if err != nil {
		b.Fatal(err)
	}
	return conn, inform
}

// runBoth runs a listener and an outbox, until stop is called.
func runBoth(b *testing.B, l *originator.Listener, o *outbox.Outbox) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 2)
	go func() { ended <- l.Run(ctx) }()
	go func() { ended <- o.Run(ctx) }()
	return func() {
		b.Helper()
		cancel()
		if err := errors.Join(<-ended, <-ended); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkDrain has a receiver come back while events wait: unthrottled, and at a rate that the second
// figure is held against.
func BenchmarkDrain(b *testing.B) {
	b.Run("unthrottled", func(b *testing.B) { drain(b, math.Inf(1)) })
	for _, rate := range []float64{50, 1000} {
		b.Run(fmt.Sprintf("%.0f-a-second", rate), func(b *testing.B) { drain(b, rate) })
	}
}

// drain takes the time from a receiver's return to the last acknowledgment that is on the disk.
func drain(b *testing.B, rate float64) {
	conn, inform := informReceiver(b)
	o := benchmarkOutbox(b, inform.Deliver, rate)
	const batch = 1000
	for first := 0; first < b.N; first += batch {
		var list []outbox.Transition
		for i := first; i < min(first+batch, b.N); i++ {
			list = append(list, outbox.Transition{Active: true, Alarm: alarm.Alarm{
				ID: alarm.ID("", "rule", fmt.Sprint(i), nil), Rule: "rule", Target: fmt.Sprint(i), Severity: alarm.Major, Summary: "it is hot", Labels: map[string]string{"site": "berlin"},
			}})
		}
		if err := o.Apply(list, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	received := 0
	l := &originator.Listener{Conn: conn, Authority: &originator.Authority{AnyCommunity: true}, Handle: func(*originator.Received) { received++ }}
	b.ReportAllocs()
	b.ResetTimer()
	stop := runBoth(b, l, o)
	for o.Depth("nms") > 0 {
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	stop()
	if received < b.N {
		b.Errorf("%d of %d were sent", received, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "informs/s")
	if !math.IsInf(rate, 1) {
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/rate, "of-the-rate")
	}
}

// BenchmarkCriticalBehindMinors has 5,000 minor alarms begin for a receiver with the default settings, and a critical one
// 10 s later. It takes the time from the critical one to its acknowledgement, and that from the minor ones to the last
// acknowledgement, held against their number by the rate.
func BenchmarkCriticalBehindMinors(b *testing.B) {
	const minors, rate = 5000, 50
	for range b.N {
		conn, inform := informReceiver(b)
		acknowledged := make(chan time.Time, 1)
		o := benchmarkOutbox(b, func(ctx context.Context, e *alarm.Event, id int32) (originator.Receipt, error) {
			receipt, err := inform.Deliver(ctx, e, id)
			if err == nil && e.Alarm.Severity == alarm.Critical {
				acknowledged <- time.Now()
			}
			return receipt, err
		}, rate)
		var list []outbox.Transition
		for i := range minors {
			list = append(list, outbox.Transition{Alarm: alarm.Alarm{ID: fmt.Sprint("minor-", i), Severity: alarm.Minor, Summary: "summary"}, Active: true})
		}
		l := &originator.Listener{Conn: conn, Authority: &originator.Authority{AnyCommunity: true}, Handle: func(*originator.Received) {}}
		stop := runBoth(b, l, o)
		begin := time.Now()
		if err := o.Apply(list, begin); err != nil {
			b.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		begun := time.Now()
		if err := o.Apply([]outbox.Transition{{Alarm: alarm.Alarm{ID: "critical", Severity: alarm.Critical, Summary: "summary"}, Active: true}}, begun); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((<-acknowledged).Sub(begun).Seconds(), "s-critical")
		b.ReportMetric(float64(o.Depth("nms")), "waiting-then")
		for o.Depth("nms") > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		b.ReportMetric(time.Since(begin).Seconds()/(minors/rate), "of-count/rate")
		stop()
	}
}

func openDir(b *testing.B) *statedir.Dir {
	b.Helper()
	d, err := statedir.Open(b.TempDir(), nil, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	return d
}
