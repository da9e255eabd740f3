package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
	"trapline/internal/cause"
	"trapline/internal/ledger"
	"trapline/internal/ledger/ledgertest"
	"trapline/internal/originator"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/store"
	"trapline/internal/statedir"
)

// cohort is a cluster whose members are outboxes: a test says who owns which shard, and what is true.
type cohort struct {
	t      *testing.T
	random *rand.Rand // of the test's own goroutine
	engine ledgertest.Memory
	sink   *lawSink

	mu      sync.Mutex
	owners  map[string]*tenure // by shard
	members []*cohortMember
	lates   map[string]*string // texts by shard and ID, as the engine has them
	fate    *rand.Rand         // of commits; nil: all are applied at once
	outage  chan struct{}      // closed at its end; nil: there is a quorum
	large   int                // commits that the engine refused for their size
	doubts  int                // commits without an answer for a while

	late   map[string]bool // targets of alarms about which something was sent late
	truth  map[string]bool // alarms that are active, by target
	around *rand.Rand      // of events around late sends
	ending bool            // the truth does not change any more
	rules  []cause.Rule    // of alarms that inhibit others
	losses int             // shards that were lost, and not released
}

// tenure is a shard from its take to its loss.
type tenure struct{ of *cohortMember }

// cohortMember is a member, and its view of the engine.
type cohortMember struct {
	*running
	cohort *cohort
	name   string
	silent bool // it has no session
	dead   bool
	copies chan []ledger.Write // of the engine, in their order
}

// Load implements ledger.Store.
func (m *cohortMember) Load(ctx context.Context, shard string, each func(key string, value []byte) error) error {
	if m.tenure(shard) == nil {
		return &ledger.Lost{Shards: []string{shard}}
	}
	return m.cohort.engine.Load(ctx, shard, each)
}

// tenure returns that of the member, or nil.
func (m *cohortMember) tenure(shard string) *tenure {
	m.cohort.mu.Lock()
	defer m.cohort.mu.Unlock()
	if of := m.cohort.owners[shard]; of != nil && of.of == m && !m.dead {
		return of
	}
	return nil
}

func (m *cohortMember) maySend() bool {
	m.cohort.mu.Lock()
	defer m.cohort.mu.Unlock()
	return !m.silent && !m.dead
}

var errEngineFull = errors.New("the engine has no space")

// Commit implements ledger.Store as the engine does: under a fence for each shard, and of no more than a transaction holds. If
// commits have a fate, some are refused, and some are in doubt: they are applied now or later, and their answer comes later still.
func (m *cohortMember) Commit(ctx context.Context, writes []ledger.Write) error {
	c := m.cohort
	begin, before, after, full := c.chance()
	time.Sleep(begin)
	by, of := map[string][]ledger.Write{}, map[string]*tenure{}
	for _, w := range writes {
		if w.Shard == "" {
			return errors.New("a write of no shard")
		}
		by[w.Shard], of[w.Shard] = append(by[w.Shard], w), m.tenure(w.Shard)
	}
	for shard, list := range by {
		if len(list) > store.MaxWrites {
			c.mu.Lock()
			c.large++
			c.mu.Unlock()
			return fmt.Errorf("%d writes of shard %s", len(list), shard)
		}
	}
	if full {
		return errEngineFull
	}
	held := func() bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(by)), func(shard string) bool { return of[shard] != nil && m.tenure(shard) == of[shard] })
	}
	wait := func(d time.Duration) { // until the engine answers, the session ends, or ctx does
		for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil && held(); {
			time.Sleep(min(100*time.Millisecond, time.Until(end)))
		}
		for out := c.noQuorum(); out != nil && ctx.Err() == nil && held(); out = c.noQuorum() {
			select {
			case <-out:
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
	wait(before)
	if ctx.Err() == nil {
		c.mu.Lock() // no shard is taken meanwhile
		for shard, list := range by {
			if of[shard] != nil && c.owners[shard] == of[shard] {
				_ = c.engine.Commit(ctx, list)
				c.sink.remove(list)
				c.copy(list)
			}
		}
		c.mu.Unlock()
	}
	wait(after)
	lost := &ledger.Lost{}
	for shard := range by {
		if ctx.Err() != nil && of[shard] != nil {
			c.leave(shard, of[shard]) // the commit is abandoned
		}
		if of[shard] == nil || m.tenure(shard) != of[shard] {
			lost.Shards = append(lost.Shards, shard)
		}
	}
	if len(lost.Shards) > 0 {
		return lost
	}
	return nil
}

// chance returns when a commit begins, when it is applied, how much later that is known, and whether it is refused.
func (c *cohort) chance() (begin, before, after time.Duration, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fate == nil {
		return 0, 0, 0, false
	}
	some := func() time.Duration { return time.Duration(c.fate.IntN(8000)) * time.Millisecond }
	switch c.fate.IntN(12) {
	case 0: // it is late, and slow
		return some(), some() / 10, 0, false
	case 1: // it is applied at once, and in doubt
		c.doubts++
		return 0, 0, some(), false
	case 2: // it is applied late
		c.doubts++
		return 0, some(), some() / 10, false
	case 3:
		return 0, 0, 0, true
	}
	return 0, 0, 0, false
}

func (c *cohort) noQuorum() chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outage
}

// leave ends a tenure.
func (c *cohort) leave(shard string, of *tenure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owners[shard] == of {
		c.owners[shard] = nil
	}
}

// lawSink is a receiver that all members send to, one message after the other.
type lawSink struct {
	mu      sync.Mutex
	random  *rand.Rand
	stalls  bool // members stand still before some messages
	broken  bool
	heard   []alarm.Event
	request map[string]int32
	removed map[int32]bool // request-ids of rows that are not stored any more
	faults  []fault
}

// fault is a message that nobody should have sent, unless something was sent late about its target.
type fault struct{ target, text string }

// remove notes the rows that a commit has removed.
func (s *lawSink) remove(writes []ledger.Write) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range writes {
		if name, isRow := strings.CutPrefix(w.Key, ledger.Out); isRow && w.Value == nil {
			_, digits := ledger.CutReceiver(name)
			number, _ := ledger.ParseNumber(digits)
			r := &queue.Row{}
			r.Stamp(number, 0, 0)
			s.removed[r.RequestID()] = true
		}
	}
}

func (s *lawSink) deliver(ctx context.Context, e *alarm.Event, id int32) (r originator.Receipt, err error) {
	err = originator.Permitted(ctx, func() error {
		s.mu.Lock()
		stall := s.stalls && s.random.IntN(4) == 0
		pause := time.Duration(s.random.IntN(20_000)) * time.Millisecond
		took := time.Duration(s.random.IntN([]int{300, 300, 300, 5000}[s.random.IntN(4)])) * time.Millisecond
		s.mu.Unlock()
		if stall {
			time.Sleep(pause)
		}
		s.mu.Lock()
		if was, known := s.request[e.ID]; known && was != id && e.Repeat == 0 {
			s.faults = append(s.faults, fault{e.Alarm.Target, fmt.Sprintf("the request-id of %s is %d and %d", e.ID, was, id)})
		}
		if s.removed[id] {
			s.faults = append(s.faults, fault{e.Alarm.Target, fmt.Sprintf("%s was sent after its outcome was stored", e.ID)})
		}
		s.request[e.ID] = id
		s.heard = append(s.heard, *e)
		broken := s.broken
		s.mu.Unlock()
		r.Sent = 1
		time.Sleep(took)
		if broken {
			return outboxtest.ErrTimeout
		}
		r.RTT = took + 1
		return nil
	})
	return r, err
}

const lawShards = 6

func lawShard(target string) string {
	return fmt.Sprint((int(target[1]) - '0') % lawShards)
}

func newCohort(t *testing.T, seed uint64, members int) *cohort {
	random := rand.New(rand.NewPCG(seed, 7))
	c := &cohort{t: t, random: random, owners: map[string]*tenure{}, lates: map[string]*string{}, truth: map[string]bool{}, late: map[string]bool{},
		around: rand.New(rand.NewPCG(seed, 10)), sink: &lawSink{random: rand.New(rand.NewPCG(seed, 8)), request: map[string]int32{}, removed: map[int32]bool{}}}
	for i := range members {
		c.start(fmt.Sprint("m", i))
	}
	return c
}

// start starts a member, whose wall clock may be up to an hour wrong.
func (c *cohort) start(name string) *cohortMember {
	m := &cohortMember{cohort: c, name: name}
	state, err := statedir.Open(c.t.TempDir(), nil, time.Now())
	if err == nil {
		err = state.View(func(tx *bbolt.Tx) error { tx.DB().NoSync = true; return nil })
	}
	if err != nil {
		c.t.Fatal(err)
	}
	wrong, began := time.Duration(c.random.IntN(7200)-3600)*time.Second, time.Now()
	clock := &Clock{Wall: func() time.Time { return time.Now().Add(wrong) }, Elapsed: func() time.Duration { return time.Since(began) }}
	route := &queue.Route{Name: "sink", Deliver: c.sink.deliver, Window: 8, MaxAge: 24 * time.Hour}
	o, err := New(state, []*queue.Route{route}, Options{
		Logger: slog.New(slog.DiscardHandler), Metrics: NewMetrics(prometheus.NewRegistry()), Clock: clock, Engine: m, Inhibit: c.rules,
		Cluster: &shards.Cluster{ID: func() string { return "c" }, Member: name, Of: lawShard, MaySend: m.maySend, Late: func(shard, id string, text []byte) {
			c.mu.Lock()
			defer c.mu.Unlock()
			t := string(text)
			c.lates[shard+"/"+id] = &t
			go c.repeat(shard, shard+"/"+id)
		}},
	}, time.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- o.Run(ctx) }()
	m.running = &running{outbox: o, t: c.t, stop: func() {
		cancel()
		if err := errors.Join(<-ended, state.Close()); err != nil {
			c.t.Error(err)
		}
	}}
	m.follow(ctx)
	return m
}

func (c *cohort) owner(shard string) *cohortMember {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := c.owners[shard]; of != nil {
		return of.of
	}
	return nil
}

func (c *cohort) setOwner(shard string, m *cohortMember) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owners[shard] = nil; m != nil {
		c.owners[shard] = &tenure{m}
	}
}

// take has a member own a shard, and find what is true of its targets, as the rules would.
func (c *cohort) take(shard string, m *cohortMember) {
	take := func() error {
		c.setOwner(shard, nil) // nothing that was sent before is applied
		err := m.outbox.Settle(c.t.Context())
		c.setOwner(shard, m)
		return errors.Join(err, m.outbox.Take(c.t.Context(), shard))
	}
	for err := take(); err != nil; err = take() {
		if !errors.Is(err, errEngineFull) {
			c.t.Fatalf("take of %s: %v", shard, err)
		}
	}
	c.assertAll()
}

// turn raises the alarm of a target, or ends it.
func (c *cohort) turn(target string) {
	c.mu.Lock()
	c.truth[target] = !c.truth[target]
	c.mu.Unlock()
	c.assert(target)
}

// turnAround turns the alarm of a target that something was sent late about, or does not.
func (c *cohort) turnAround(target string) {
	c.mu.Lock()
	turns, pause := !c.ending && c.around.IntN(2) == 0, time.Duration(c.around.IntN(1500))*time.Millisecond
	c.mu.Unlock()
	if turns {
		c.turn(target)
		time.Sleep(pause)
	}
}

// turnOf does so for some target of a shard, and lets some time pass.
func (c *cohort) turnOf(shard string) {
	if shard != "global" && c.random.IntN(3) > 0 {
		c.turn("t" + shard)
	}
	settle(time.Duration(c.random.IntN(4000)) * time.Millisecond)
}

// assertAll has the owners of all targets find what is true, as their next polls do.
func (c *cohort) assertAll() {
	var all sync.WaitGroup
	for target := range 12 {
		all.Go(func() { c.assert(fmt.Sprint("t", target)) })
	}
	all.Wait()
}

// assert has the owner of a target find what is true.
func (c *cohort) assert(target string) {
	m := c.owner(lawShard(target))
	if m == nil {
		return
	}
	tr := Transition{Alarm: alarm.Alarm{ID: "source-" + target}}
	c.mu.Lock()
	is := c.truth[target]
	c.mu.Unlock()
	if is {
		tr.Active = true
		tr.Alarm = alarm.Alarm{ID: "source-" + target, Rule: "r", Target: target, Severity: alarm.Major, Summary: "s", Labels: map[string]string{"target": target}}
	}
	began := time.Now()
	err := m.outbox.Apply([]Transition{tr}, began)
	if lost := (*ledger.Lost)(nil); err != nil && !errors.As(err, &lost) && !errors.Is(err, ErrInDoubt) && !errors.Is(err, errEngineFull) {
		c.t.Error(err)
	}
	if took := time.Since(began); took > doubtWait {
		c.t.Errorf("the answer took %v: %v", took, err)
	}
}

func (c *cohort) living() (list []*cohortMember) {
	for _, m := range c.members {
		if !m.dead {
			list = append(list, m)
		}
	}
	return list
}

// step has something happen.
func (c *cohort) step(losses bool) {
	shard := fmt.Sprint(c.random.IntN(lawShards))
	if c.random.IntN(8) == 0 {
		shard = "global"
	}
	was := c.owner(shard)
	living := c.living()
	next := living[c.random.IntN(len(living))]
	switch n := c.random.IntN(12); {
	case n < 6:
		c.turn(fmt.Sprint("t", c.random.IntN(12)))
	case n < 9 && was != nil && next != was: // it moves, and perhaps back
		c.turnOf(shard)
		was.outbox.Drop(shard, false)
		c.take(shard, next)
		if c.random.IntN(2) == 0 {
			c.turnOf(shard)
			next.outbox.Drop(shard, false)
			c.take(shard, was)
		}
		c.turnOf(shard)
	case n == 9:
		c.sink.mu.Lock()
		c.sink.broken = c.random.IntN(2) == 0
		c.sink.mu.Unlock()
	case n == 10 && losses && was != nil && c.random.IntN(2) == 0:
		c.lose(was)
	case n == 10 && c.fate != nil:
		c.loseQuorum()
	case n == 11 && losses && len(living) > 1 && c.random.IntN(3) == 0: // it is killed
		victim := living[c.random.IntN(len(living))]
		c.mu.Lock()
		victim.dead = true
		c.mu.Unlock()
		for _, shard := range c.shardsOf(victim) {
			c.losses++
			c.take(shard, c.living()[0])
		}
		c.start(fmt.Sprint("m", len(c.members)))
	}
	settle(time.Duration(c.random.IntN(5000)) * time.Millisecond)
	c.assertAll()
}

// loseQuorum has no commit answered for a while. Members find out that they have no session, and that it has ended or goes on.
func (c *cohort) loseQuorum() {
	out := make(chan struct{})
	c.mu.Lock()
	c.outage = out
	c.mu.Unlock()
	for range c.random.IntN(3) {
		settle(time.Duration(c.random.IntN(3000)) * time.Millisecond)
		c.turn(fmt.Sprint("t", c.random.IntN(12)))
	}
	living := c.living()
	for _, m := range living {
		c.mu.Lock()
		m.silent = true
		c.mu.Unlock()
	}
	settle(time.Duration(c.random.IntN(20_000)) * time.Millisecond)
	c.assertAll()
	c.mu.Lock()
	c.outage = nil
	c.mu.Unlock()
	close(out)
	for _, m := range living {
		if c.random.IntN(2) == 0 {
			c.lose(m)
			continue
		}
		c.mu.Lock()
		m.silent = false
		c.mu.Unlock()
	}
}

func (c *cohort) shardsOf(m *cohortMember) (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for shard, of := range c.owners {
		if of != nil && of.of == m {
			list = append(list, shard)
		}
	}
	slices.Sort(list)
	return list
}

// lose ends the session of a member: others own its shards before it knows.
func (c *cohort) lose(m *cohortMember) {
	c.mu.Lock()
	m.silent = true
	c.mu.Unlock()
	lost := c.shardsOf(m)
	for _, shard := range lost {
		c.setOwner(shard, nil)
		c.losses++
	}
	settle(time.Duration(c.random.IntN(3000)) * time.Millisecond)
	living := slices.DeleteFunc(c.living(), func(one *cohortMember) bool { return one == m })
	for _, shard := range lost {
		if len(living) > 0 {
			c.take(shard, living[c.random.IntN(len(living))])
		}
	}
	if len(lost) > 0 && len(living) > 0 && c.random.IntN(2) == 0 {
		c.turnOf(lost[c.random.IntN(len(lost))])
	}
	for _, shard := range lost {
		m.outbox.Drop(shard, true)
	}
	c.mu.Lock()
	m.silent = false
	c.mu.Unlock()
	for _, shard := range lost {
		if len(living) == 0 {
			c.take(shard, m)
		}
	}
}

// repeat has the owner of a shard repeat the last word about a late send.
func (c *cohort) repeat(shard, key string) {
	for {
		c.mu.Lock()
		text := c.lates[key]
		c.mu.Unlock()
		if text == nil {
			return
		}
		var l shards.LateSend
		if err := json.Unmarshal([]byte(*text), &l); err != nil {
			c.t.Error(err)
			return
		}
		target := l.Event.Alarm.Target
		c.mu.Lock()
		c.late[target] = true
		c.mu.Unlock()
		c.turnAround(target)
		c.turnAround(target)
		if m := c.owner(shard); m == nil || m.outbox.Repeat([]byte(*text)) != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		c.mu.Lock()
		if c.lates[key] == text { // else it was sent late once more
			delete(c.lates, key)
		}
		c.mu.Unlock()
		c.turnAround(target)
	}
}

// waiting describes the rows that wait at their owners.
func (c *cohort) waiting() (list []string) {
	for _, m := range c.living() {
		o := m.outbox
		o.mu.Lock()
		for _, q := range o.state.queues.All {
			for _, r := range q.Rows() {
				list = append(list, fmt.Sprintf("%s: %s %s of %s, in flight: %t of %d, failing: %t, pending: %d %t, owned: %t", m.name, r.Kind, r.ID, r.Alarm.Target, r.InFlight(), q.InFlight(), q.Failing(), len(o.pending), o.queued, o.state.shards.Owns(r.Shard)))
			}
		}
		o.mu.Unlock()
	}
	return list
}

// end lets everything come to rest, and returns the violations.
func (c *cohort) end(strict bool) (violations []string) {
	wrong := func(format string, args ...any) { violations = append(violations, fmt.Sprintf(format, args...)) }
	c.sink.mu.Lock()
	c.sink.broken, c.sink.stalls = false, false
	c.sink.mu.Unlock()
	c.mu.Lock()
	c.fate, c.ending = nil, true
	c.mu.Unlock()
	settle(time.Minute) // until the last late send
	c.assertAll()
	settle(time.Hour)
	waiting := c.waiting()
	for _, m := range c.members {
		m.stop()
	}
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	for _, f := range c.sink.faults {
		if strict && !c.late[f.target] {
			violations = append(violations, f.text)
		}
	}
	words, last, seen, repeats := map[string][]string{}, map[string]alarm.Kind{}, map[string]bool{}, 0
	for _, e := range c.sink.heard {
		last[e.Alarm.Target] = e.Kind
		if seen[e.ID] {
			repeats++
			continue
		}
		seen[e.ID] = true
		if list := words[e.Alarm.Target]; (len(list)%2 == 0) != (e.Kind == alarm.Raise) && !c.late[e.Alarm.Target] {
			wrong("%s of %s after %v", e.Kind, e.Alarm.Target, list)
		}
		words[e.Alarm.Target] = append(words[e.Alarm.Target], string(e.Kind))
	}
	for target := range 12 {
		name := fmt.Sprint("t", target)
		if is := last[name] == alarm.Raise; is != c.truth[name] {
			wrong("the last word about %s is %q, its alarm is active: %t", name, last[name], c.truth[name])
		}
	}
	active := 0
	for i := range lawShards {
		for key := range c.engine.Records(fmt.Sprint(i)) {
			switch {
			case strings.HasPrefix(key, ledger.Alarm):
				active++
			case strings.HasPrefix(key, ledger.Out), strings.HasPrefix(key, ledger.Event):
				wrong("the record %s is left", key)
			}
		}
	}
	want := 0
	for _, is := range c.truth {
		if is {
			want++
		}
	}
	if active != want {
		wrong("%d alarms are stored, want %d", active, want)
	}
	if c.large > 0 {
		wrong("%d commits were too large", c.large)
	}
	if len(violations) > 0 {
		violations = append(violations[:min(4, len(violations))], waiting...)
	}
	return violations
}

func lawOf(t *testing.T, seeds uint64, losses, stalls bool, doubts func(seed uint64) bool) {
	t.Helper()
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			c := newCohort(t, seed, 3)
			for i := range lawShards {
				c.take(fmt.Sprint(i), c.members[i%3])
			}
			c.take("global", c.members[0])
			if c.sink.stalls = stalls; doubts(seed) {
				c.fate = rand.New(rand.NewPCG(seed, 9))
			}
			for range 60 {
				c.step(losses)
			}
			if violations := c.end(!stalls); len(violations) > 0 {
				t.Fatalf("seed %d: %d shards were lost: %v", seed, c.losses, violations)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// Shards move between members whose clocks disagree, sessions end, and members are killed: receivers are sent, after repeated
// events are left out, raise and clear of each alarm in turn, and the last word is true.
func TestAlarmsMoveWithTheirShard(t *testing.T) { lawOf(t, lawSeeds(), true, false, never) }

// A member may stand still between the question whether it may send, and the message: the last word is true nevertheless.
func TestTheLastWordIsTrue(t *testing.T) {
	lawOf(t, 2*lawSeeds(), true, true, func(seed uint64) bool { return seed%2 == 1 })
}

// The engine answers slowly, late, not at all for a while, or refuses commits: nothing is lost, no row is sent after its outcome
// is stored, and callers wait for a bounded time.
func TestCommitsInDoubt(t *testing.T) {
	lawOf(t, lawSeeds(), true, false, func(uint64) bool { return true })
}

func never(uint64) bool { return false }

func lawSeeds() uint64 { return trials[uint64](1, 1000) }

// More alarms than a transaction of the engine holds begin, move and end at once.
func TestManyAlarmsOfAShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCohort(t, 1, 2)
		const alarms = 300
		apply := func(m *cohortMember, active bool) {
			var list []Transition
			for i := range alarms {
				labels := map[string]string{"target": "t0", "port": fmt.Sprint(i)}
				a := alarm.Alarm{ID: fmt.Sprint("port-", i), Rule: "down", Target: "t0", Severity: alarm.Major, Summary: strings.Repeat("long ", 300), Labels: labels}
				list = append(list, Transition{Alarm: a, Active: active})
			}
			if err := m.outbox.Apply(list, time.Now()); err != nil {
				t.Error(err)
			}
		}
		c.setOwner("0", c.members[0])
		if err := c.members[0].outbox.Take(t.Context(), "0"); err != nil {
			t.Fatal(err)
		}
		apply(c.members[0], true)
		settle(time.Hour)
		c.members[0].outbox.Drop("0", false)
		c.setOwner("0", c.members[1])
		if err := c.members[1].outbox.Take(t.Context(), "0"); err != nil {
			t.Fatal(err)
		}
		if n := len(c.members[1].outbox.Active()); n != alarms {
			t.Errorf("%d alarms are active, want %d", n, alarms)
		}
		apply(c.members[1], false)
		settle(time.Hour)
		if n := len(c.sink.heard); n != 2*alarms {
			t.Errorf("%d events were sent, want %d", n, 2*alarms)
		}
		if left := len(c.engine.Records("0")); c.large > 0 || left > 2 {
			t.Errorf("%d commits were too large, %d records are left, beside the counters", c.large, left-2)
		}
		for _, m := range c.members {
			m.stop()
		}
	})
}
