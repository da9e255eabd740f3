package outbox

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/ledger"
	"trapline/internal/mute"
	"trapline/internal/outbox/queue"
)

// copy has all members know a commit, each in its own time. The mutex of the cohort is held.
func (c *cohort) copy(writes []ledger.Write) {
	var some []ledger.Write
	for _, w := range writes {
		if strings.HasPrefix(w.Key, ledger.Inhibit) {
			some = append(some, w)
		}
	}
	for _, m := range c.members {
		if len(some) > 0 && !m.dead {
			m.copies <- some
		}
	}
}

// follow has the cohort have a member, and that know the records of alarms that inhibit others: at first all of them, and then each change some time later.
func (m *cohortMember) follow(ctx context.Context) {
	c := m.cohort
	c.mu.Lock()
	defer c.mu.Unlock()
	m.copies = make(chan []ledger.Write, 10_000)
	random := rand.New(rand.NewPCG(c.random.Uint64(), 11))
	all := make([]ledger.Write, 0)
	for i := range lawShards {
		for key, text := range c.engine.Records(fmt.Sprint(i)) {
			if strings.HasPrefix(key, ledger.Inhibit) {
				all = append(all, ledger.Write{Shard: fmt.Sprint(i), Key: key, Value: text})
			}
		}
	}
	m.copies <- all
	c.members = append(c.members, m)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case list := <-m.copies:
				time.Sleep(time.Duration(random.IntN([]int{0, 500, 10_000}[random.IntN(3)]+1)) * time.Millisecond)
				for m.outbox.SetInhibitors(list) != nil && ctx.Err() == nil {
					time.Sleep(time.Second)
				}
			}
		}
	}()
}

// randomRules returns rules by which the alarms of 12 targets inhibit each other, in chains and rings.
func randomRules(t *testing.T, random *rand.Rand) []cause.Rule {
	var settings []cause.RuleSettings
	some := func() []string {
		return []string{fmt.Sprintf(`target=~"t%d|t%d|t%d"`, random.IntN(12), random.IntN(12), random.IntN(12))}
	}
	for range random.IntN(4) {
		settings = append(settings, cause.RuleSettings{SourceMatchers: some(), TargetMatchers: some()})
	}
	rules, err := cause.ParseRules(settings)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// inhibited returns why each active alarm is inhibited, by key: as a single process that had all of them would.
func (c *cohort) inhibited() map[string]string {
	all := map[string]*alarm.State{}
	var x *cause.Index
	for _, m := range c.living() {
		m.outbox.mu.Lock()
		x = cause.NewIndex(c.rules, m.outbox.state.mutes.Labels)
		maps.Copy(all, m.outbox.state.index.Active)
		m.outbox.mu.Unlock()
	}
	for key, s := range all {
		x.Set(s.ID, key, s)
	}
	why := map[string]string{}
	for key, s := range all {
		if by, ok := x.Inhibited(s.ID); ok {
			why[key] = by.Reason().String()
		} else {
			why[key] = ""
		}
	}
	return why
}

// compare returns how members differ from a single process.
func (c *cohort) compare() (violations []string) {
	want := c.inhibited()
	stored := 0
	for _, m := range c.living() {
		m.outbox.mu.Lock()
		for key, s := range m.outbox.state.index.Active {
			got := strings.Join(s.Mutes, ", ")
			if got != want[key] {
				violations = append(violations, fmt.Sprintf("%s: %s is muted by %q, want %q", m.name, s.Conditions[0].Alarm.Target, got, want[key]))
			}
			inhibits, _ := m.outbox.state.index.Causes.Inhibits(s.ID)
			record := c.engine.Records(lawShard(s.Conditions[0].Alarm.Target))[ledger.Named(ledger.Inhibit, key)] != nil
			if inhibits != record {
				violations = append(violations, fmt.Sprintf("%s: %s inhibits others: %t, as the engine has it: %t", m.name, s.Conditions[0].Alarm.Target, inhibits, record))
			}
			if record {
				stored++
			}
		}
		m.outbox.mu.Unlock()
	}
	for i := range lawShards {
		for key := range c.engine.Records(fmt.Sprint(i)) {
			if strings.HasPrefix(key, ledger.Inhibit) {
				stored--
			}
		}
	}
	if stored != 0 {
		violations = append(violations, fmt.Sprintf("the engine has %d records of alarms that are over", -stored))
	}
	return violations
}

// heard returns how the last words to the receiver differ from what is active and not inhibited.
func (c *cohort) heard() (violations []string) {
	last := map[string]alarm.Kind{}
	c.sink.mu.Lock()
	for _, e := range c.sink.heard {
		last[e.Alarm.Target] = e.Kind
	}
	c.sink.mu.Unlock()
	why := c.inhibited()
	active := map[string]bool{}
	for _, m := range c.living() {
		for _, s := range m.outbox.Standings(nil) {
			active[s.Alarm.Target] = true
			if why[s.Alarm.ID] == "" && last[s.Alarm.Target] != alarm.Raise {
				violations = append(violations, fmt.Sprintf("%s is active, the last word is %q", s.Alarm.Target, last[s.Alarm.Target]))
			}
		}
	}
	for target, kind := range last {
		if kind == alarm.Raise && !active[target] {
			violations = append(violations, target+" is over, and the receiver does not know")
		}
	}
	return violations
}

// Alarms inhibit those of other members as they would in a single process, whoever owns them, whoever takes them over, and whenever the
// rules change. The engine has those that inhibit others, and no others.
func TestAlarmsInhibitThoseOfOtherMembers(t *testing.T) {
	foreign := 0
	for seed := range trials[uint64](12, 1000) {
		synctest.Test(t, func(t *testing.T) {
			c := newCohort(t, seed, 3)
			for i := range lawShards {
				c.take(fmt.Sprint(i), c.members[i%3])
			}
			c.take("global", c.members[0])
			for range 8 {
				if c.random.IntN(2) == 0 {
					c.rules = randomRules(t, c.random)
					for _, m := range c.living() {
						m.outbox.SetInhibitRules(c.rules)
						var routes []*queue.Route
						for _, q := range m.outbox.state.queues.All {
							routes = append(routes, q.Route)
						}
						if err := m.outbox.SetRoutes(routes, nil, time.Now()); err != nil {
							t.Error(err)
						}
						settle(time.Duration(c.random.IntN(2000)) * time.Millisecond)
					}
				}
				if c.fate = nil; c.random.IntN(3) == 0 {
					c.fate = rand.New(rand.NewPCG(c.random.Uint64(), 9))
				}
				for range 1 + c.random.IntN(5) {
					c.step(true)
				}
				c.mu.Lock()
				c.fate = nil
				c.mu.Unlock()
				c.sink.mu.Lock()
				c.sink.broken = false
				c.sink.mu.Unlock()
				settle(time.Minute)
				c.assertAll()
				settle(10 * time.Minute)
				for _, why := range c.inhibited() {
					if why != "" {
						foreign++
					}
				}
				if violations := slices.Concat(c.compare(), c.heard()); len(violations) > 0 {
					t.Errorf("seed %d: %s", seed, strings.Join(violations, "; "))
					break
				}
			}
			for _, m := range c.members {
				m.stop()
			}
		})
		if t.Failed() {
			return
		}
	}
	if foreign < 20 {
		t.Errorf("only %d alarms were inhibited", foreign)
	}
}

// twoTargets is a cohort in which t0 may inhibit t1, whose alarm is active.
func twoTargets(t *testing.T, source string, members int) *cohort {
	rules, err := cause.ParseRules([]cause.RuleSettings{{SourceMatchers: []string{source}, TargetMatchers: []string{`target="t1"`}}})
	if err != nil {
		t.Fatal(err)
	}
	c := newCohort(t, 1, 0)
	c.rules = rules
	for i := range members {
		c.start(fmt.Sprint("m", i))
	}
	for i := range 2 {
		c.take(fmt.Sprint(i), c.members[i%members])
	}
	c.turn("t1")
	settle(time.Minute)
	return c
}

// An alarm that a member was about to store, and that is lost with its shard before that, inhibits no alarm of its other shards.
func TestAlarmsThatAreLostInhibitNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := twoTargets(t, `target="t0"`, 1)
		m, out := c.members[0], make(chan struct{})
		defer m.stop()
		c.mu.Lock()
		c.outage = out
		c.mu.Unlock()
		c.turn("t0")
		c.setOwner("0", nil)
		m.outbox.Drop("0", true)
		c.mu.Lock()
		c.outage, c.truth["t0"] = nil, false
		c.mu.Unlock()
		close(out)
		settle(time.Minute)
		if violations := slices.Concat(c.compare(), c.heard()); len(violations) > 0 {
			t.Error(violations)
		}
	})
}

// Labels of targets that change, as those of lists, have alarms inhibit those of other members, and cease to.
func TestLabelsOfTargetsInhibitAtOtherMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := twoTargets(t, `site="a"`, 2)
		c.turn("t0")
		rules, err := mute.NewRules(nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, site := range []string{"a", "b", "a"} {
			rules = rules.WithTargets(map[string]map[string]string{"t0": {"site": site}}, nil)
			for _, m := range c.members {
				if err := m.outbox.SetTargets(rules, map[string]bool{"t0": true}, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			settle(20 * time.Second)
			if violations := slices.Concat(c.compare(), c.heard()); len(violations) > 0 {
				t.Errorf("site %s: %s", site, violations)
			}
		}
		for _, m := range c.members {
			m.stop()
		}
	})
}
