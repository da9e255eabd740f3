//go:build jump

package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/notify"
	"trapline/internal/outbox"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/poller"
	"trapline/internal/rules"
	"trapline/internal/series"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/statedir"
)

// setWallClock sets the wall clock ahead by so many seconds.
func setWallClock(ahead int64) { time.Jump.Store(&ahead) }

// sensor is a device that answers with one value.
type sensor struct {
	mu    sync.Mutex
	value byte
	polls []time.Time
}

func (s *sensor) set(value byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = value
}

func (s *sensor) Poll(_ context.Context, _ *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polls = append(s.polls, time.Now())
	yield(snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.4.1.32473.1.0"), Type: snmp.Integer, Value: []byte{s.value}})
	return client.Stats{Packets: 1, VarBinds: 1}, nil
}

const jumpRules = `groups:
- name: g
  interval: 30s
  rules:
  - {alert: Hot, expr: temperature > 40, for: 1m}
  - {alert: Kept, expr: temperature > 40, keep_firing_for: 2m}
  - {alert: Mean, expr: 'avg_over_time(temperature[5m]) > 40'}
  - {alert: None, expr: absent(temperature)}
  - {alert: Warm, expr: temperature > 10}
`

// prometheusServer sends an alert to the inlet of alerts, as Prometheus does, by a clock that nobody sets.
type prometheusServer struct {
	inlet              http.Handler
	name               string
	from, until        time.Duration // since the start
	startsAt, resolved time.Time
}

// send sends what is due at a time after the start.
func (p *prometheusServer) send(t *testing.T, at time.Duration) {
	now := time.Now().Round(0).Add(-time.Duration(*time.Jump.Load()) * time.Second)
	if p.startsAt.IsZero() {
		p.startsAt = now
	}
	endsAt := now.Add(4 * time.Minute)
	if at >= p.until {
		if p.resolved.IsZero() {
			p.resolved = now
		}
		endsAt = p.resolved
	}
	if at < p.from || at > p.until+15*time.Minute {
		p.startsAt = time.Time{}
		return
	}
	body := fmt.Sprintf(`[{"labels":{"alertname":"Sent","from":%q},"startsAt":%q,"endsAt":%q,"generatorURL":"http://%s:9090/graph"}]`,
		p.name, p.startsAt.Format(time.RFC3339Nano), endsAt.Format(time.RFC3339Nano), p.name)
	w := httptest.NewRecorder()
	p.inlet.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/v2/alerts", strings.NewReader(body)))
	if w.Code != http.StatusOK {
		t.Errorf("the inlet answers with %d: %s", w.Code, w.Body)
	}
}

// A wall clock that is set while alarms are raised, wait for a receiver that does not answer, and end, gives up nothing,
// clears nothing, and stops no polls: poller, rules, inlet and outbox do as without.
func TestNoJumpIsSeenByAnyPart(t *testing.T) {
	want := ""
	for _, jumps := range [][]int64{{0}, {-90}, {90}, {2 * 86400}, {-2 * 86400}, {-90, 2 * 86400, 0, -2 * 86400, 0}} {
		synctest.Test(t, func(t *testing.T) {
			setWallClock(0)
			defer time.Jump.Store(nil)
			got := lifeOfAnAlarm(t, jumps)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("jumps %v: sent %q, want %q", jumps, got, want)
			}
		})
	}
}

// lifeOfAnAlarm runs the parts for two hours, and returns what the receiver was sent.
func lifeOfAnAlarm(t *testing.T, jumps []int64) string {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	logger, registry, dir := slog.New(slog.DiscardHandler), prometheus.NewRegistry(), t.TempDir()
	state, err := statedir.Open(dir, nil, time.Now())
	must(err)
	receiver := &outboxtest.Receiver{}
	route := receiver.Route("nms")
	route.MaxAge = time.Hour
	out, err := outbox.New(state, []*queue.Route{route}, outbox.Options{Logger: logger, Metrics: outbox.NewMetrics(registry)}, time.Now())
	must(err)
	evaluator, err := rules.New(rules.Options{Dir: dir + "/rules", Alerts: rules.AlertStore{State: state, Outbox: out}, Logger: logger, Registry: registry})
	must(err)
	device := &sensor{value: 20}
	oid := setting.ParseOID("1.3.6.1.4.1.32473.1")
	module := collector.Compile("m", &collector.Settings{Walk: []setting.OID{oid}, Metrics: []collector.MetricSettings{{Name: "temperature", OID: oid, Type: "gauge"}}})
	targets := []*poller.Target{{Name: "a", Interval: 30 * time.Second, Spec: client.Spec{Address: "a"}, Modules: []*collector.Module{module}, Rendered: series.AppendLabel(nil, 0, poller.TargetLabel, []byte("a"))}}
	groups, problems, _ := rules.Parse("rules.yml", []byte(jumpRules))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := poller.New(poller.Options{PassOptions: poller.PassOptions{Open: func(client.Spec) (collector.Session, error) { return device, nil }}, Logger: logger, Ended: evaluator.Ended})
	evaluator.Configure(rules.Configuration{Set: rules.NewSet(groups), Targets: targets})
	p.SetTargets(targets)
	ctx, cancel := context.WithCancel(t.Context())
	var parts sync.WaitGroup
	for _, run := range []func(context.Context) error{p.Run, evaluator.Run, out.Run} {
		parts.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	inlet := http.NewServeMux()
	(&notify.AlertsAPI{Outbox: out, Logger: logger}).Register(inlet)
	servers := []*prometheusServer{
		{inlet: inlet, name: "short", from: 5 * time.Minute, until: 16 * time.Minute},
		{inlet: inlet, name: "long", from: 0, until: 95 * time.Minute}, // and the receiver does not answer meanwhile
		{inlet: inlet, name: "late", from: 55 * time.Minute, until: 80 * time.Minute},
	}
	n := 0
	rest := func(d time.Duration) {
		for end := 0 * d; end < d; end += 30 * time.Second {
			synctest.Wait()
			setWallClock(jumps[n%len(jumps)])
			if n++; n%2 == 0 {
				for _, p := range servers {
					p.send(t, time.Duration(n)*30*time.Second)
				}
			}
			time.Sleep(30 * time.Second)
		}
	}
	rest(10 * time.Minute)
	device.set(50)
	rest(20 * time.Minute)
	receiver.Set(outboxtest.ErrTimeout, 0)
	device.set(20)
	rest(20 * time.Minute)
	receiver.Set(nil, 0)
	rest(20 * time.Minute)
	device.set(50)
	rest(50 * time.Minute)
	dead, err := out.DeadLetters("nms")
	if err != nil || len(dead) != 0 {
		t.Errorf("jumps %v: %d events were given up, %v", jumps, len(dead), err)
	}
	cancel()
	parts.Wait()
	must(state.Close())
	for i := 1; i < len(device.polls); i++ {
		if gap := device.polls[i].Sub(device.polls[i-1]); gap > 30*time.Second {
			t.Errorf("jumps %v: %v without a poll", jumps, gap)
		}
	}
	var sent []string
	heard := map[string]bool{}
	for _, e := range receiver.Received() {
		if text := string(e.Kind) + " " + e.Alarm.Rule + " " + e.Alarm.Labels["from"]; !heard[e.ID] && e.Alarm.ID != "" {
			heard[e.ID] = true
			sent = append(sent, text)
		}
	}
	slices.Sort(sent) // those of one time have no order
	return fmt.Sprintf("%d polls: %q", len(device.polls), sent)
}
