package transfer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/ledger/bolt"
	"trapline/internal/ledger/ledgertest"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/statedir"
	"trapline/internal/transfer"
)

const global = "global"

// targets have an alarm each. That of "" is of no target, and that of storm of the process itself.
var targets = func() []string {
	list := []string{"", storm}
	for i := range 30 {
		list = append(list, fmt.Sprint("t", i))
	}
	return list
}()

const storm = "storm"

// world has processes that may be killed at any moment, an engine, two receivers, and what is true of the targets.
type world struct {
	t      *testing.T
	random *rand.Rand
	engine ledgertest.Memory
	sinks  []*sink
	truth  map[string]bool   // targets that are to have an alarm
	homes  map[string]string // shards of targets
	all    []*process

	careless        bool                // no target waits for its alarm
	forwarded, dead int                 // notifications that were forwarded, and dead letters, by single processes
	before          map[string]standing // of the last one

	mu     sync.Mutex
	owners map[string]*process
	given  map[string]string // by batch: who stages it, or "complete"
}

// process is a single process, or a member.
type process struct {
	*world
	name, dir string
	state     *statedir.Dir
	outbox    *outbox.Outbox
	end       func()
	wrong     time.Duration // of its wall clock

	mu     sync.Mutex
	budget int // operations until it is killed; below 0: it is not
	dead   bool
}

var errDead = errors.New("the process was killed")

// do does something that is applied as a whole or not at all: the process may be killed before, or when it is applied.
func (p *process) do(apply func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errDead
	}
	if p.budget--; p.budget != -1 {
		p.budget = max(p.budget, -2)
		return apply()
	}
	p.dead = true
	if p.random.IntN(2) == 0 {
		_ = apply()
	}
	return errDead
}

// localStore is the store of the state directory of a process.
type localStore struct {
	*process
	store *bolt.Store
}

func (s *localStore) Load(ctx context.Context, shard string, each ledger.Each) error {
	return s.store.Load(ctx, shard, each)
}

func (s *localStore) LoadOf(ctx context.Context, shard string, prefixes []string, each ledger.Each) error {
	return s.store.LoadOf(ctx, shard, prefixes, each)
}

func (s *localStore) Commit(ctx context.Context, writes []ledger.Write) error {
	return s.do(func() error { return s.store.Commit(ctx, writes) })
}

// Load implements ledger.Store for the shards of the engine that the process owns.
func (p *process) Load(ctx context.Context, shard string, each ledger.Each) error {
	if p.owner(shard) != p {
		return &ledger.Lost{Shards: []string{shard}}
	}
	return p.engine.Load(ctx, shard, each)
}

// Commit implements ledger.Store, of as much as the engine takes.
func (p *process) Commit(ctx context.Context, writes []ledger.Write) error {
	return p.do(func() error {
		p.world.mu.Lock()
		defer p.world.mu.Unlock()
		by, octets := map[string]int{}, 0
		for i, w := range writes {
			if p.owners[w.Shard] != p {
				return &ledger.Lost{Shards: []string{w.Shard}}
			}
			by[w.Shard]++
			octets += len(w.Key) + len(w.Value)
			if rest, is := strings.CutPrefix(w.Key, ledger.To); is {
				shard, rest, _ := strings.Cut(rest, "/")
				writes[i].Shard, writes[i].Key = shard, ledger.Inbox+rest
			}
		}
		for shard, n := range by {
			if n > 120 || octets > 600<<10 {
				p.t.Errorf("a commit of %d writes and %d octets to shard %s", n, octets, shard)
			}
		}
		return p.engine.Commit(ctx, writes)
	})
}

func (w *world) owner(shard string) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.owners[shard]
}

// ID implements transfer.Desk, as the methods that follow.
func (p *process) ID() string { return "c" }

func (p *process) Begin(_ context.Context, batch string, names []string) (completed bool, err error) {
	err = p.do(func() error {
		if completed = p.given[batch] == "complete"; completed {
			return nil
		}
		for other, by := range p.given {
			for _, shard := range p.shards() {
				for key := range p.engine.Records(shard) {
					if by != "complete" && strings.HasPrefix(key, ledger.Inbox+other) {
						_ = p.engine.Commit(context.Background(), []ledger.Write{{Shard: shard, Key: key}})
					}
				}
			}
		}
		p.given[batch] = "begun"
		return nil
	})
	return completed, err
}

func (p *process) Stage(ctx context.Context, _ string, writes []ledger.Write) error {
	return p.do(func() error { return p.engine.Commit(ctx, writes) })
}

func (p *process) Complete(_ context.Context, batch string) error {
	return p.do(func() error { p.given[batch] = "complete"; return nil })
}

// arrived returns the batches in the inbox of a shard that may be taken over.
func (w *world) arrived(shard string) (batches []string) {
	for key := range w.engine.Records(shard) {
		batch, is := strings.CutPrefix(key, ledger.Inbox)
		if !is || strings.Contains(batch, "/") {
			continue
		}
		if by, process := w.given[batch]; !process || by == "complete" {
			batches = append(batches, batch)
		}
	}
	return batches
}

func (w *world) shards() []string { return []string{global, "0", "1", "0@z", "1@z"} }

// lossy is the sink to which events are given up soon.
const lossy = 2

// sink is a receiver that all processes send to.
type sink struct {
	mu       sync.Mutex
	random   *rand.Rand
	broken   bool
	heard    []alarm.Event
	requests map[string]map[int32]bool // of each event that is no repetition
}

func (s *sink) deliver(ctx context.Context, e *alarm.Event, id int32) (r originator.Receipt, err error) {
	err = originator.Permitted(ctx, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.heard = append(s.heard, *e)
		if e.Repeat == 0 {
			if s.requests[e.ID] == nil {
				s.requests[e.ID] = map[int32]bool{}
			}
			s.requests[e.ID][id] = true
		}
		if r.Sent = 1; s.broken {
			return outboxtest.ErrTimeout
		}
		r.RTT = time.Millisecond
		return nil
	})
	return r, err
}

func (s *sink) setBroken(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 3)), truth: map[string]bool{}, homes: map[string]string{}, owners: map[string]*process{}, given: map[string]string{}}
	for i, target := range targets[2:] {
		w.homes[target] = fmt.Sprint(i % 2)
	}
	for range 3 {
		w.sinks = append(w.sinks, &sink{random: w.random, requests: map[string]map[int32]bool{}})
	}
	return w
}

// start starts a process in a directory: a member, or a single process.
func (w *world) start(name, dir string, member bool, budget int) *process {
	w.t.Helper()
	p := &process{world: w, name: name, dir: dir, budget: budget}
	var err error
	if p.state, err = statedir.Open(dir, nil, time.Now()); err != nil {
		w.t.Fatal(err)
	}
	if err := p.state.View(func(tx *bbolt.Tx) error { tx.DB().NoSync = true; return nil }); err != nil {
		w.t.Fatal(err)
	}
	if member {
		p.wrong = time.Duration(w.random.IntN(600)-300) * time.Second
	}
	began := time.Now()
	clock := &outbox.Clock{Wall: func() time.Time { return time.Now().Add(p.wrong) }, Elapsed: func() time.Duration { return time.Since(began) }}
	o := outbox.Options{Logger: slog.New(slog.DiscardHandler), Metrics: outbox.NewMetrics(prometheus.NewRegistry()), Clock: clock, Store: p.local()}
	if member {
		o.Engine = p
		o.Cluster = &shards.Cluster{ID: p.ID, Member: name, Of: w.home, MaySend: func() bool { return !p.isDead() }, Late: func(_, _ string, _ []byte) {}}
	}
	var routes []*queue.Route
	for i, s := range w.sinks {
		r := &queue.Route{Name: fmt.Sprint("sink", i), Deliver: s.deliver, Window: 4, MaxAge: 24 * time.Hour, EveryTransition: i == 1, Forwards: func(*alarm.Event) bool { return i == 0 }}
		if i == lossy {
			r.MaxAge = 10 * time.Second
		}
		routes = append(routes, r)
	}
	p.outbox, err = outbox.New(p.state, routes, o, time.Now())
	if err != nil {
		if err := p.state.Close(); err != nil {
			w.t.Error(err)
		}
		if !errors.Is(err, errDead) && !strings.Contains(err.Error(), "about to be taken over") {
			w.t.Fatal(err)
		}
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- p.outbox.Run(ctx) }()
	p.end = func() {
		cancel()
		if err := errors.Join(<-ended, p.state.Close()); err != nil && !p.isDead() {
			w.t.Error(err)
		}
		p.end = func() {}
	}
	w.all = append(w.all, p)
	return p
}

func (p *process) local() *localStore { return &localStore{p, &bolt.Store{Dir: p.state}} }

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// kill ends a process at once, if it has not been killed.
func (p *process) kill() {
	p.mu.Lock()
	p.dead = true
	p.mu.Unlock()
	p.end()
}

// held reports whether the alarm of a target may be in another shard, or on its way.
func (w *world) held(target string) bool {
	for _, shard := range w.shards() {
		records := w.engine.Records(shard)
		if len(w.arrived(shard)) > 0 || shard != w.home(target) && records[ledger.Named(ledger.Alert, "alert-"+target)] != nil {
			return !w.careless
		}
	}
	return false
}

// home returns the shard of a target.
func (w *world) home(target string) string {
	if shard := w.homes[target]; shard != "" {
		return shard
	}
	return global
}

// alertOf is the stored alert of a target, as package rules has it.
func alertOf(target string, at time.Time) []byte {
	text, _ := json.Marshal(map[string]any{"id": "alert-" + target, "rule": "u1", "labels": map[string]string{"target": target}, "firing": true, "active_at": at, "fired_at": at})
	return text
}

// judge has a process find what is true of a target, as rules do: alerts are compared with those that are stored.
func (p *process) judge(target, shard string, stored map[string][]byte) {
	id := "alert-" + target
	key := ledger.Named(ledger.Alert, id)
	if (stored[key] != nil) == p.truth[target] {
		return
	}
	t := outbox.Transition{Alarm: alarm.Alarm{ID: id}, Shard: shard}
	w := ledger.Write{Shard: shard, Key: key}
	if p.truth[target] {
		t.Active = true
		t.Alarm = alarm.Alarm{ID: id, Rule: "r", Target: target, Severity: alarm.Major, Summary: "s", Labels: map[string]string{"target": target}}
		w.Value = alertOf(target, time.Now())
	}
	p.apply(p.outbox.ApplyWith([]outbox.Transition{t}, time.Now(), []ledger.Write{w}))
}

func (p *process) apply(err error) {
	p.t.Helper()
	if lost := (*ledger.Lost)(nil); err != nil && !errors.As(err, &lost) && !p.isDead() {
		p.t.Errorf("%s: %v", p.name, err)
	}
}

// judgeStorm has a process raise or clear the alarm of its own.
func (p *process) judgeStorm() {
	t := outbox.Transition{Alarm: alarm.Alarm{ID: storm}}
	if p.truth[storm] {
		t.Active = true
		t.Alarm = alarm.Alarm{ID: storm, Rule: alarm.Storm, Severity: alarm.Major, Summary: "s", Labels: map[string]string{"alertname": alarm.Storm}}
	}
	p.apply(p.outbox.Apply([]outbox.Transition{t}, time.Now()))
}

// judgeAll has a member find what is true of its targets, or a single process of all.
func (p *process) judgeAll(member bool) {
	stored := map[string][]byte{}
	if !member {
		stored = recordsOf(p.t, p.local())
	}
	for _, target := range targets {
		switch shard := p.home(target); {
		case target == storm:
			if p.name == "single" || p.name == "m0" {
				p.judgeStorm()
			}
		case !member:
			p.judge(target, "", stored)
		case p.owner(shard) == p && !p.held(target):
			p.judge(target, shard, p.engine.Records(shard))
		}
	}
}

// recordsOf returns the records of the shard "" of a store.
func recordsOf(t *testing.T, s ledger.Store) map[string][]byte {
	all := map[string][]byte{}
	err := s.Load(t.Context(), "", func(key string, value []byte) error {
		all[key] = slices.Clone(value)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

// take has a process own a shard, whose last owner is gone or has released it.
func (p *process) take(shard string) error {
	p.world.mu.Lock()
	p.owners[shard] = p
	p.world.mu.Unlock()
	now := time.Now().Add(p.wrong)
	r := transfer.Receiver{Store: p, Shard: shard, Alive: now, Now: now, Logger: slog.New(slog.DiscardHandler)}
	err := r.Receive(p.t.Context(), p.arrived(shard))
	if err == nil && shard != global {
		s := transfer.Sender{Store: p, Shard: shard, Homes: transfer.Homes{Target: p.home}, Alive: now, Now: now, Logger: r.Logger}
		err = s.Send(p.t.Context())
	}
	if err == nil {
		err = p.outbox.Take(p.t.Context(), shard)
	}
	return err
}

// release has a shard owned by nobody.
func (p *process) release(shard string) {
	p.outbox.Drop(shard, p.isDead())
	p.world.mu.Lock()
	p.owners[shard] = nil
	p.world.mu.Unlock()
}

// settle lets the time pass, after which everything has come to rest.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// words returns the kinds of events that a receiver was sent of each target, without repeated events.
func (s *sink) words() map[string][]alarm.Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, words := map[string]bool{}, map[string][]alarm.Kind{}
	for _, e := range s.heard {
		if e.Alarm.ID != "" && !seen[e.ID] && (e.Kind == alarm.Raise || e.Kind == alarm.Clear) {
			seen[e.ID] = true
			name := e.Alarm.Target
			if e.Alarm.Rule == alarm.Storm {
				name = storm
			}
			words[name] = append(words[name], e.Kind)
		}
	}
	return words
}

// check checks what receivers were sent: raise and clear of each alarm in turn, but for those that were raised anew before the cluster
// knew of them, and that the last word is true.
func (w *world) check(anew map[string]bool) (violations []string) {
	wrong := func(format string, args ...any) { violations = append(violations, fmt.Sprintf(format, args...)) }
	for i, s := range w.sinks[:lossy] {
		words := s.words()
		for _, target := range targets {
			list := words[target]
			for at, kind := range list {
				if before := at > 0 && list[at-1] == kind; before && !(anew[target] && kind == alarm.Raise) || at == 0 && kind != alarm.Raise {
					wrong("sink %d: of %s were sent %v", i, target, list)
					break
				}
			}
			if active := len(list) > 0 && list[len(list)-1] == alarm.Raise; active != w.truth[target] {
				wrong("sink %d: of %s were sent %v, its alarm is active: %t", i, target, list, w.truth[target])
			}
		}
		forwarded := map[string]bool{}
		for _, e := range s.heard {
			if e.Kind == alarm.Forward {
				forwarded[e.ID] = true
			}
		}
		if i == 0 && len(forwarded) != w.forwarded {
			wrong("%d notifications were forwarded, want %d", len(forwarded), w.forwarded)
		}
		for event, ids := range s.requests {
			if len(ids) > 1 {
				wrong("sink %d: event %s has the request-ids %v", i, event, ids)
			}
		}
	}
	return violations
}

// left returns records that should not be there once everything has come to rest, and the alarms that are stored.
func (w *world) left() (list []string, alarms int) {
	for _, shard := range w.shards() {
		for key := range w.engine.Records(shard) {
			switch kind, _, _ := strings.Cut(key, "/"); kind + "/" {
			case ledger.Alarm:
				alarms++
			case ledger.Inbox, ledger.Out, ledger.Event, ledger.To:
				list = append(list, shard+": "+key)
			}
		}
	}
	return list, alarms
}
