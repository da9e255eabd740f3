package rules

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/notify"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/statedir"
)

// watched is a rule whose alarms are sent in the poll that finds them.
const watched = `,
{alert: Watched, expr: 'gauge6{i="GigabitEthernet0/0"} > 98.5', labels: {severity: major}, annotations: {summary: "port 0"}}`

// BenchmarkDetection measures the time from the end of a pass to the inform at its receiver, while 1,000 targets
// of 100 series each are evaluated by 50 rules every 30 seconds, and one target in ten begins or ends an alarm.
// A poll of all targets takes 30 seconds.
func BenchmarkDetection(b *testing.B) {
	const targets = 1000
	d := &detection{handed: map[string]time.Time{}}
	stop := d.start(b, targets)
	defer stop()
	round := func(spacing time.Duration, alarm bool) {
		next := time.Now()
		for i, t := range d.list {
			next = next.Add(spacing)
			time.Sleep(time.Until(next))
			r := t.report(time.Now())
			if i%10 == 0 {
				port := &r.Last.Sets[0].Columns[slices.IndexFunc(r.Last.Sets[0].Columns, func(c series.Column) bool { return c.Desc.Name == "gauge6" })].Values[0]
				if *port = 10; alarm {
					*port = 99
				}
			}
			d.hand(r)
		}
	}
	round(5*time.Millisecond, false)
	alarm := false
	cpu := processTime()
	for b.Loop() {
		alarm = !alarm
		round(pollTime/targets, alarm)
	}
	cpu = processTime() - cpu
	took := d.settled()
	if want := b.N * targets / 10; len(took) != want {
		b.Errorf("%d alarms were sent, want %d", len(took), want)
	}
	slices.Sort(took)
	b.ReportMetric(100*cpu.Seconds()/b.Elapsed().Seconds(), "%core")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}

// detection measures the time until an alarm is sent.
type detection struct {
	e    *Evaluator
	list []*benchTarget

	mu     sync.Mutex
	handed map[string]time.Time // passes that begin or end an alarm, by target
	took   []time.Duration
}

func (d *detection) hand(r *poller.Report) {
	d.mu.Lock()
	d.handed[r.Target.Name] = time.Now()
	d.mu.Unlock()
	d.e.Ended(*r)
}

// aTarget finds the name of a target in variable bindings. The next one begins with the octet of a 0.
var aTarget = regexp.MustCompile(`(switch-\d+)0`)

func (d *detection) received(r *originator.Received) {
	now := time.Now()
	if !bytes.Contains(r.VarBinds, []byte("Watched")) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.took = append(d.took, now.Sub(d.handed[string(aTarget.FindSubmatch(r.VarBinds)[1])]))
}

// settled returns the measurements once no more have come for a while.
func (d *detection) settled() []time.Duration {
	for n := -1; ; time.Sleep(500 * time.Millisecond) {
		d.mu.Lock()
		took := slices.Clone(d.took)
		d.mu.Unlock()
		if len(took) == n {
			return took
		}
		n = len(took)
	}
}

// start starts the evaluation of rules, and a receiver.
func (d *detection) start(b *testing.B, targets int) (stop func()) {
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(err)
	state, err := statedir.Open(b.TempDir(), nil, time.Now())
	must(err)
	auth, logger, metrics := access.DefaultAuth(), slog.New(slog.DiscardHandler), outbox.NewMetrics(prometheus.NewRegistry())
	auth.Version = 2
	route, err := notify.NewRoute(&notify.ReceiverSettings{
		Name: "nms", Type: "inform", Address: conn.LocalAddr().String(), Auth: "public_v2", Rate: 1e6, Window: 64, MaxEvents: 1e5, MaxBytes: 1 << 30, Repeat: 1,
	}, &notify.Dependencies{Settings: &notify.Settings{}, Auths: map[string]*access.Auth{"public_v2": &auth}, Identity: state.Identity, Metrics: metrics, Logger: logger})
	must(err)
	outbox, err := outbox.New(state, []*queue.Route{route}, outbox.Options{Logger: logger, Metrics: metrics}, time.Now())
	must(err)
	d.e, d.list = benchEvaluator(b, Options{Dir: b.TempDir() + "/rules", Alerts: AlertStore{State: state, Outbox: outbox}}, targets, false)
	c := Configuration{Set: parse(b, "groups: [{name: g, rules: [\n"+fiftyRules()+watched+"\n]}]")}
	for _, t := range d.list {
		c.Targets = append(c.Targets, t.target)
	}
	d.e.Configure(c)
	listener := &originator.Listener{Conn: conn, Authority: &originator.Authority{AnyCommunity: true}, Handle: d.received}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	for _, run := range []func(context.Context) error{listener.Run, outbox.Run, d.e.Run} {
		go func() { ended <- run(ctx) }()
	}
	for d.e.queryEngine.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	return func() {
		cancel()
		if err := errors.Join(<-ended, <-ended, <-ended, state.Close(), conn.Close()); err != nil {
			b.Error(err)
		}
	}
}
