package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/ledger/ledgertest"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/rules/fleet"
	"trapline/internal/series"
	"trapline/mibs"
)

// site is several evaluators that share the alerts of a cluster: each target is a shard of its own.
type site struct {
	*testing.T
	now     time.Time
	ledger  ledgertest.Memory
	owner   map[string]*peer // by shard
	members []*peer
	targets []*poller.Target
	agreed  time.Duration     // as the cluster says
	sent    []string          // transitions
	alarms  []alarm.Alarm     // of these
	names   map[string]string // of active alarms, by ID
	paused  string            // a target that is not polled
}

// peer is a member of a site.
type peer struct {
	*site
	name string
	skew time.Duration // of its wall clock
	e    *Evaluator
	set  *Set
	all  []*poller.Target // of its file
	own  map[string]bool
	due  map[groupKey]plan

	silent bool // it does not answer others
}

// startSite starts members that have rules, for targets of those names.
func startSite(t *testing.T, members int, rules string, names ...string) *site {
	t.Helper()
	f := &site{T: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), owner: map[string]*peer{}, names: map[string]string{}}
	for _, name := range names {
		f.targets = append(f.targets, target(name))
	}
	set := parse(t, "groups: [{name: g, interval: 30s, rules: [\n"+rules+"\n]}]")
	for i := range members {
		p := &peer{site: f, name: string(rune('A' + i)), set: set, all: f.targets, own: map[string]bool{}, due: map[groupKey]plan{}}
		f.members = append(f.members, p)
		p.run()
	}
	return f
}

const globalShard = "global"

func shardOf(target string) string {
	if target == "" {
		return globalShard
	}
	return "shard of " + target
}

func (p *peer) wall() time.Time { return p.now.Add(p.skew) }

func (p *peer) run() {
	var err error
	p.e, err = New(Options{
		Dir: p.TempDir(), Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Now: p.wall,
		ShardOf: shardOf, Agreed: func() time.Duration { return p.agreed }, Others: p.others,
		PausedSince: func(target string, at time.Time) time.Time {
			if target == p.paused {
				return at.Add(-time.Hour)
			}
			return at
		},
	})
	if err != nil {
		p.Fatal(err)
	}
	p.e.alertStore = sharedStore{p}
	p.configure()
	s, err := p.e.openSamples()
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = s.close() })
}

var allNames = sync.OnceValues(func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) })

// configure does as a member of a cluster: it polls the targets of its shards.
func (p *peer) configure() {
	c := Configuration{Set: p.set, All: p.all, Names: allNames, Elsewhere: func(name string) bool {
		return slices.ContainsFunc(p.all, func(t *poller.Target) bool { return t.Name == name })
	}}
	for _, t := range p.all {
		if p.own[shardOf(t.Name)] {
			c.Targets = append(c.Targets, t)
		}
	}
	p.e.Configure(c)
}

// others asks the other members, through the texts that they send.
func (p *peer) others(ctx context.Context, r *fleet.Request) (answers []*fleet.Answer, err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	for _, o := range p.members {
		if o == p {
			continue
		}
		if o.silent {
			err = errors.Join(err, fmt.Errorf("member %s does not answer", o.name))
			continue
		}
		got, fault := fleet.ReadRequest(bytes.NewReader(text))
		if fault != nil {
			return nil, fault
		}
		a, fault := o.e.Answer(ctx, got)
		if fault != nil {
			return nil, fault
		}
		answer, fault := json.Marshal(a)
		if fault != nil {
			return nil, fault
		}
		if a, fault = fleet.ReadAnswer(bytes.NewReader(answer)); fault != nil {
			return nil, fault
		}
		answers = append(answers, a)
	}
	return answers, err
}

// judge evaluates the rules over several targets that are due.
func (s *site) judge() {
	for _, p := range s.members {
		p.e.dueGlobal(s.Context(), p.due, p.e.now())
	}
}

// take makes a shard the member's, whose last owner missed nothing up to a time by its own clock.
func (p *peer) take(shard string, alive time.Time) {
	p.Helper()
	p.owner[shard] = p
	if err := p.e.Take(p.Context(), shard, alive); err != nil {
		p.Fatal(err)
	}
	p.own[shard] = true
	p.configure()
}

// restore has the member fetch the samples of a target that it has taken over.
func (p *peer) restore(from *peer, target string) {
	p.Helper()
	r := p.e.Window([]string{target})
	if r == nil {
		return
	}
	a, err := from.e.Answer(p.Context(), r)
	if err == nil {
		err = p.e.Restore(a)
	}
	if err != nil {
		p.Fatal(err)
	}
}

// drop makes the member forget a shard. If it was lost, nothing that it commits is applied any more.
func (p *peer) drop(shard string, lost bool) {
	if lost {
		p.owner[shard] = nil
	}
	delete(p.own, shard)
	p.configure()
	p.e.Drop(shard)
	p.owner[shard] = nil
}

// poll makes a pass over a target by its owner, if it has one.
func (s *site) poll(name string, err error, rows ...string) {
	s.Helper()
	p := s.owner[shardOf(name)]
	if p == nil {
		return
	}
	i := slices.IndexFunc(p.all, func(t *poller.Target) bool { return t.Name == name })
	if i < 0 {
		return
	}
	pass := &poller.Pass{Start: p.wall(), Up: err == nil, Sets: []*series.Set{setOf(s.T, rows...)}}
	if e := (*access.Error)(nil); errors.As(err, &e) {
		pass.Err, pass.Errors, pass.Sets = err, []*access.Error{e}, nil
	}
	health := setOf(s.T, "trapline_target_up 1", "trapline_target_reboots_total 0")
	p.e.evaluatePoll(s.Context(), p.e.device(name), &poller.Report{Target: p.all[i], Last: pass, Health: health})
}

// events returns the transitions since the last call.
func (s *site) events() string {
	list := s.sent
	s.sent = nil
	return strings.Join(list, ", ")
}

func (s *site) want(when, events string) {
	s.Helper()
	if got := s.events(); got != events {
		s.Errorf("%s: sent %q, want %q", when, got, events)
	}
}

// sharedStore has the alerts of the site, and lets owners write alone.
type sharedStore struct{ *peer }

var errLost = errors.New("lost: the shard is owned by another member")

func (s sharedStore) load(ctx context.Context, shard string, logger *slog.Logger) ([]*record, looks, time.Time, error) {
	return (&AlertStore{Store: &s.ledger}).load(ctx, shard, logger)
}

func (s sharedStore) markAlive(_, _ time.Time) error {
	s.Error("a member of a cluster writes a time of its own")
	return nil
}

func (s sharedStore) apply(transitions []outbox.Transition, changes []change, looked []look, _ time.Time) error {
	writes, err := writesOf(changes)
	if err == nil {
		writes, err = appendLooks(writes, looked)
	}
	if err != nil {
		return err
	}
	for _, w := range writes {
		if s.owner[w.Shard] != s.peer {
			return errLost
		}
	}
	for _, t := range transitions {
		if s.owner[t.Shard] != s.peer {
			s.Errorf("%s sends %s, which is of %q", s.name, t.Alarm.Rule, t.Shard)
		}
		s.note(&t)
	}
	return s.ledger.Commit(context.Background(), writes)
}

// note notes a transition. The second raise in a row of an alarm is an error, and so is the second clear.
func (s *site) note(t *outbox.Transition) {
	s.alarms = append(s.alarms, t.Alarm)
	if t.Active == (s.names[t.Alarm.ID] != "") {
		s.Errorf("active is %v, and so it was: %s %s", t.Active, t.Alarm.Rule, s.names[t.Alarm.ID])
	}
	if t.Active {
		s.names[t.Alarm.ID] = strings.TrimSpace(t.Alarm.Rule + " " + t.Alarm.Target + " " + t.Alarm.Resource)
		s.sent = append(s.sent, "raise "+s.names[t.Alarm.ID])
		return
	}
	text := "clear " + s.names[t.Alarm.ID]
	if t.Alarm.Reason != "" {
		text += " (" + t.Alarm.Reason + ")"
	}
	s.sent = append(s.sent, text)
	delete(s.names, t.Alarm.ID)
}

// gatheredStore answers nobody before as many loads are under way.
type gatheredStore struct {
	alertStore
	loads sync.WaitGroup
}

func (g *gatheredStore) load(ctx context.Context, shard string, logger *slog.Logger) ([]*record, looks, time.Time, error) {
	g.loads.Done()
	g.loads.Wait()
	return g.alertStore.load(ctx, shard, logger)
}

// Many shards are taken at once: none waits until the engine has answered for another.
func TestShardsAreLoadedAtOnce(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	s := startSite(t, 1, `{alert: High, expr: load > 50}`, names...)
	p := s.members[0]
	gathered := &gatheredStore{alertStore: p.e.alertStore}
	gathered.loads.Add(len(names))
	p.e.alertStore = gathered
	taken := make(chan error, len(names))
	for _, name := range names {
		go func() { taken <- p.e.Take(t.Context(), shardOf(name), time.Time{}) }()
	}
	for range names {
		select {
		case err := <-taken:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("one waits for another")
		}
	}
}
