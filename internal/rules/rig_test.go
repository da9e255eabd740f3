package rules

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/journal"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/setting"
	"trapline/internal/statedir"
)

// rig is an evaluator whose passes a test makes up, at times that it chooses. It lives through restarts.
type rig struct {
	*testing.T
	dir     string
	now     time.Time
	set     *Set
	options Settings
	targets []*poller.Target
	partial bool // others may be added
	reboots float64
	logger  *slog.Logger // of the evaluator and the outbox; nil discards

	e      *Evaluator
	state  *statedir.Dir
	outbox *outbox.Outbox
	kept   bool // the journal is on the disk
	taken  int  // events that take has returned
	most   int  // alarms; 0 means the default
	due    map[groupKey]plan

	pausedSince func(target string, at time.Time) time.Time
}

const pollTime = 30 * time.Second

// start runs rules, the part of a rule file in a group, for targets of those names.
func start(t *testing.T, rules string, names ...string) *rig {
	t.Helper()
	r := &rig{T: t, dir: t.TempDir(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	r.use(rules)
	for _, name := range append(names, "sw1")[:max(1, len(names))] {
		r.targets = append(r.targets, target(name))
	}
	r.run()
	t.Cleanup(r.kill)
	return r
}

func target(name string) *poller.Target {
	rendered := series.AppendLabel(nil, 0, poller.TargetLabel, []byte(name))
	return &poller.Target{Name: name, Rendered: rendered, Interval: pollTime, Spec: client.Spec{Address: "192.0.2.1:161"}}
}

func (r *rig) use(rules string) {
	r.Helper()
	r.set = parse(r.T, "groups: [{name: g, interval: 30s, rules: [\n"+rules+"\n]}]")
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// run starts a process.
func (r *rig) run() {
	r.Helper()
	var err error
	r.state, err = statedir.Open(r.dir, nil, r.now)
	r.must(err)
	registry := prometheus.NewRegistry()
	if r.logger == nil {
		r.logger = slog.New(slog.DiscardHandler)
	}
	var entries *journal.Journal
	if r.kept {
		entries, err = journal.Open(journal.Options{Dir: r.dir + "/journal", Logger: r.logger, Now: func() time.Time { return r.now }})
		r.must(err)
	}
	route := &queue.Route{Name: "nms", EveryTransition: true, Window: 1}
	r.outbox, err = outbox.New(r.state, []*queue.Route{route}, outbox.Options{Logger: r.logger, Metrics: outbox.NewMetrics(registry), MaxAlarms: r.most, Journal: entries}, r.now)
	r.must(err)
	r.e, err = New(Options{
		Dir: r.dir + "/rules", Alerts: AlertStore{State: r.state, Outbox: r.outbox}, Logger: r.logger, Registry: registry, Now: func() time.Time { return r.now },
		PausedSince: r.pausedSince,
	})
	r.must(err)
	r.due = map[groupKey]plan{}
	r.configure()
	_, err = r.e.openSamples()
	r.must(err)
}

func (r *rig) configure() {
	r.e.Configure(Configuration{Set: r.set, Targets: r.targets, Settings: r.options, Partial: r.partial})
}

// kill ends the process as a crash would: the store's log is all that is left of it.
func (r *rig) kill() {
	if r.e == nil {
		return
	}
	dir, crashed := r.dir+"/rules", r.dir+"/crashed"
	r.must(os.CopyFS(crashed, os.DirFS(dir)))
	r.must(r.e.queryEngine.Load().store.samples.Close())
	r.must(os.RemoveAll(dir))
	r.must(os.Rename(crashed, dir))
	r.must(r.state.Close())
	r.e = nil
}

// restart is a crash and a start so much later. The process lives for aliveTime before at least.
func (r *rig) restart(down time.Duration) {
	r.Helper()
	r.must(r.e.alertStore.markAlive(r.e.now(), r.now))
	r.kill()
	r.now = r.now.Add(down)
	r.run()
}

// poll makes a pass over a target a poll time after the last, with rows such as `temperature{i="1"} 40`.
func (r *rig) poll(rows ...string) {
	r.Helper()
	r.now = r.now.Add(pollTime)
	r.pollOf(r.targets[0], nil, rows...)
}

// pollOf makes a pass at once, with an error or none.
func (r *rig) pollOf(t *poller.Target, err error, rows ...string) {
	r.Helper()
	p := &poller.Pass{Start: r.now, Up: true, Sets: []*series.Set{setOf(r.T, rows...)}}
	var e *access.Error
	if errors.As(err, &e) {
		p.Err, p.Errors, p.Up = err, []*access.Error{e}, !e.TargetFailed()
		if !p.Up {
			p.Sets = nil
		}
	}
	up := 0.0
	if p.Up {
		up = 1
	}
	fares := setOf(r.T, fmt.Sprintf("trapline_target_up %g", up), fmt.Sprintf("trapline_target_reboots_total %g", r.reboots))
	r.e.evaluatePoll(r.Context(), r.e.device(t.Name), &poller.Report{Target: t, Last: p, Health: fares})
	r.e.dueGlobal(r.Context(), r.due, r.e.now())
}

var silent = &access.Error{Reason: access.Timeout}

// fail makes a pass that the target does not answer.
func (r *rig) fail() {
	r.Helper()
	r.now = r.now.Add(pollTime)
	r.pollOf(r.targets[0], silent)
}

// setOf makes columns of lines `name{label="value"} number`. Names that end in _total are counters, those that begin with
// hw_ are measures of the object of hw.
func setOf(t testing.TB, rows ...string) *series.Set {
	t.Helper()
	set := &series.Set{}
	byName := map[string]int{}
	for _, row := range rows {
		head, value, _ := strings.Cut(row, " ")
		var v float64
		if _, err := fmt.Sscan(value, &v); err != nil {
			t.Fatal(row, err)
		}
		name, labels, _ := strings.Cut(strings.TrimSuffix(head, "}"), "{")
		at, known := byName[name]
		if !known {
			at = len(set.Columns)
			byName[name] = at
			d := &series.Desc{Name: name, Object: objectOf(name), Computed: strings.HasPrefix(name, "hw_")}
			if strings.HasSuffix(name, "_total") {
				d.Type = series.Counter
			}
			set.Columns = append(set.Columns, series.Column{Desc: d, Table: &series.Table{}})
		}
		c := &set.Columns[at]
		c.Table.Labels = append(c.Table.Labels, labels...)
		c.Table.AddRow()
		c.Table.Indexes = append(c.Table.Indexes, byte(len(c.Values)+1))
		c.Table.IndexEnds = append(c.Table.IndexEnds, uint32(len(c.Table.Indexes)))
		c.Values = append(c.Values, v)
	}
	return set
}

// objectOf returns an object below 1.3.6.1.4.1.32473 (RFC 5612) for a metric, by the letter it begins with.
func objectOf(name string) []byte {
	switch name {
	case "ifCounterDiscontinuityTime":
		return ifCounterDiscontinuityTime
	case "ifAdminStatus":
		return setting.ParseOID("1.3.6.1.2.1.2.2.1.7").OID
	}
	return setting.ParseOID(fmt.Sprintf("1.3.6.1.4.1.32473.%d", name[0])).OID
}

// take returns the events that receivers were sent since the last call, without those about no alarm: "raise Hot i=1".
func (r *rig) take() string {
	r.Helper()
	waiting, err := r.outbox.Waiting()
	r.must(err)
	var list []string
	for _, e := range waiting[0].Events {
		if e.Alarm.ID == "" {
			continue
		}
		text := string(e.Kind) + " " + e.Alarm.Rule
		if e.Alarm.Resource != "" {
			text += " " + e.Alarm.Resource
		}
		if e.Alarm.Reason != "" {
			text += " (" + e.Alarm.Reason + ")"
		}
		list = append(list, text)
	}
	sent := r.taken
	r.taken = len(list)
	return strings.Join(list[sent:], ", ")
}

// want fails the test unless receivers were sent these events, in that order, since the last time.
func (r *rig) want(when, events string) {
	r.Helper()
	if got := r.take(); got != events {
		r.Errorf("%s: sent %q, want %q", when, got, events)
	}
}
