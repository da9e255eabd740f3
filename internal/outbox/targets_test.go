package outbox

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/mute"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// labeled is an outbox by hand whose receiver, silences, maintenance and inhibit rules look at labels of targets.
type labeled struct {
	byHand
	t        *testing.T
	nms      outboxtest.Receiver
	rules    *mute.Rules
	windows  []mute.WindowSettings
	matchers mute.Matchers // of alarms that say that their target is down
}

func newLabeled(t *testing.T, all map[string]map[string]string) *labeled {
	t.Helper()
	l := &labeled{t: t, windows: []mute.WindowSettings{{Name: "kiel", Matchers: []string{`site="kiel"`, `alertname!="a"`}}}}
	inhibit, err := cause.ParseRules([]cause.RuleSettings{
		{SourceMatchers: []string{`alertname="a"`}, TargetMatchers: []string{`alertname=~"b|c"`, `site!="bonn"`}, Equal: []string{"site"}},
		{SourceMatchers: []string{`alertname="c"`, `site=~"b.*"`}, TargetMatchers: []string{`alertname="a"`}, Equal: []string{"site"}},
	})
	if err == nil {
		l.rules, err = mute.NewRules(nil, l.windows, maps.Clone(all))
	}
	if err == nil {
		l.matchers, err = mute.Parse(`alertname="a",site!="kiel"`)
	}
	if err != nil {
		t.Fatal(err)
	}
	state := openState(t, t.TempDir())
	if err := state.View(func(tx *bbolt.Tx) error { tx.DB().NoSync = true; return nil }); err != nil {
		t.Fatal(err)
	}
	l.outbox, err = New(state, l.routes(), Options{Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry()), Clock: l.clock(), Mutes: l.rules, Inhibit: inhibit}, l.now())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *labeled) routes() []*queue.Route {
	r := l.nms.Route("nms")
	r.Matches = func(a *alarm.Alarm) bool { return l.rules.TargetLabels(a.Target)["site"] != "ulm" }
	return []*queue.Route{r}
}

// state shows the alarms, the notifications and the targets that are down.
func (l *labeled) state() string {
	var lines []string
	for _, s := range l.outbox.Standings(nil) {
		var mutes []string
		for _, m := range s.Mutes {
			if m.Kind == mute.BySilence {
				m.Name = "" // which differs
			}
			mutes = append(mutes, m.String())
		}
		lines = append(lines, fmt.Sprint(s.Alarm.Rule, " ", s.Alarm.Target, mutes, len(s.InhibitedBy), s.Receivers[0].Progress))
	}
	slices.Sort(lines)
	var sent []string
	for _, d := range l.nms.TakeReceived() {
		sent = append(sent, fmt.Sprint(d.Kind, " ", d.Alarm.Rule, " ", d.Alarm.Target))
	}
	slices.Sort(sent)
	return fmt.Sprintln(lines, "sent", sent, "down", slices.Sorted(maps.Keys(l.outbox.Down(l.matchers))))
}

// labeledTwins are an outbox in which labels of some targets change, and one that is reloaded with those of all.
type labeledTwins struct {
	t           *testing.T
	random      *rand.Rand
	all         map[string]map[string]string
	some, whole *labeled
}

func (w *labeledTwins) site() string {
	return []string{"berlin", "bonn", "kiel", "ulm"}[w.random.IntN(4)]
}

func (w *labeledTwins) target() string { return fmt.Sprint("t", w.random.IntN(5)) }

func (w *labeledTwins) relabel() error {
	changed, names := map[string]map[string]string{}, map[string]bool{}
	var gone []string
	for range 1 + w.random.IntN(3) {
		name := w.target()
		names[name] = true
		delete(w.all, name)
		delete(changed, name)
		if w.random.IntN(4) == 0 {
			gone = append(gone, name)
			continue
		}
		w.all[name] = map[string]string{"site": w.site()}
		changed[name] = w.all[name]
	}
	rules, err := mute.NewRules(nil, w.whole.windows, maps.Clone(w.all))
	if err != nil {
		return err
	}
	w.some.rules, w.whole.rules = w.some.rules.WithTargets(changed, gone), rules
	if err := w.some.outbox.SetTargets(w.some.rules, names, w.some.now()); err != nil {
		return err
	}
	return w.whole.outbox.SetRoutes(w.whole.routes(), rules, w.whole.now())
}

func (w *labeledTwins) silence() error {
	m, err := mute.Parse(fmt.Sprintf(`site=%q`, w.site()))
	d := time.Duration(10+w.random.IntN(60)) * time.Second
	for _, l := range []*labeled{w.some, w.whole} {
		if err == nil {
			_, err = l.outbox.Silence(mute.Silence{Matchers: m, StartsAt: l.now(), EndsAt: l.now().Add(d)}, l.now())
		}
	}
	return err
}

func (w *labeledTwins) transition() (err error) {
	rule, target := string(rune('a'+w.random.IntN(3))), w.target()
	a := alarm.Alarm{ID: rule + target, Rule: rule, Target: target, Severity: alarm.Major, Summary: "summary", Labels: map[string]string{"alertname": rule}}
	active := w.random.IntN(3) > 0
	for _, l := range []*labeled{w.some, w.whole} {
		err = errors.Join(err, l.outbox.Apply([]Transition{{Alarm: a, Active: active}}, l.now()))
	}
	return err
}

// Labels of some targets that change have the effect of a reload with these labels.
func TestLabelsOfTargetsThatChange(t *testing.T) {
	t.Parallel()
	muted := 0
	for seed := range uint64(60) {
		w := &labeledTwins{t: t, random: rand.New(rand.NewPCG(seed, 5)), all: map[string]map[string]string{}}
		w.some, w.whole = newLabeled(t, w.all), newLabeled(t, w.all)
		for step := range 40 {
			does := []func() error{w.relabel, w.silence, w.transition, w.transition}[w.random.IntN(4)]
			if err := does(); err != nil {
				t.Fatal(err)
			}
			w.some.rest(t, 5*time.Second, time.Second)
			w.whole.rest(t, 5*time.Second, time.Second)
			if got, want := w.some.state(), w.whole.state(); got != want {
				t.Fatalf("seed %d, step %d:\n%swant\n%s", seed, step, got, want)
			}
			muted += w.some.outbox.Quiet().Muted
		}
	}
	if muted < 1000 {
		t.Errorf("only %d mutes", muted)
	}
}

// used is the time for which the process had a CPU.
func used(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSetTargets has the labels of 500 of 50,000 targets change, and holds the time of the CPU against that of 500 of
// 5,000.
func BenchmarkSetTargets(b *testing.B) {
	few := 0.0
	for _, n := range []int{5_000, 50_000} {
		all := map[string]map[string]string{}
		for i := range n {
			all[fmt.Sprint("t", i)] = map[string]string{"site": "berlin"}
		}
		rules, err := mute.NewRules(nil, nil, all)
		if err != nil {
			b.Fatal(err)
		}
		o, err := New(openState(b, b.TempDir()), nil, Options{Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry()), Mutes: rules}, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			began := used(b)
			for i := 0; b.Loop(); i++ {
				changed, names := map[string]map[string]string{}, map[string]bool{}
				for k := range 500 {
					name := fmt.Sprint("t", (i*500+k)%n)
					changed[name], names[name] = map[string]string{"site": fmt.Sprint(i)}, true
				}
				rules = rules.WithTargets(changed, nil)
				if err := o.SetTargets(rules, names, time.Now()); err != nil {
					b.Fatal(err)
				}
			}
			took := float64((used(b) - began).Nanoseconds()) / float64(b.N)
			if n == 5_000 {
				few = took
			} else {
				b.ReportMetric(took/few, "ratio")
			}
			b.ReportMetric(took, "cpu-ns/op")
		})
	}
}
