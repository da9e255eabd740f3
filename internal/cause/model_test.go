package cause

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/mute"
)

// world is the naive computation: all active alarms, compared with each other.
type world struct {
	rules  []Rule
	active map[string]*alarm.State
}

func labelsOf(a *alarm.Alarm) mute.Labels { return mute.Labels{Alarm: a} }

func (w *world) inhibits(by, a *alarm.Alarm) bool {
	for _, r := range w.rules {
		s, t := labelsOf(by), labelsOf(a)
		equal := !slices.ContainsFunc(r.equal, func(name string) bool { return s.Get(name) != t.Get(name) })
		if equal && s.Match(r.source) && t.Match(r.target) && !(s.Match(r.target) && t.Match(r.source)) {
			return true
		}
	}
	return false
}

// inhibited returns the inhibited alarms, and the oldest that inhibits each.
func (w *world) inhibited() map[string]string {
	var list []*alarm.Alarm
	for _, s := range w.active {
		list = append(list, s.Alarm())
	}
	older := func(a, b *alarm.Alarm) bool {
		return a.RaisedAt.Before(b.RaisedAt) || a.RaisedAt.Equal(b.RaisedAt) && a.ID < b.ID
	}
	slices.SortFunc(list, func(a, b *alarm.Alarm) int {
		if older(a, b) {
			return -1
		}
		return 1
	})
	n := len(list)
	direct, leads := make([][]bool, n), make([][]bool, n) // leads[i][j]: i inhibits j, by any number of others
	for i := range list {
		direct[i] = make([]bool, n)
		for j := range list {
			direct[i][j] = w.inhibits(list[i], list[j])
		}
		leads[i] = slices.Clone(direct[i])
	}
	for k := range n {
		for i := range n {
			for j := range n {
				leads[i][j] = leads[i][j] || leads[i][k] && leads[k][j]
			}
		}
	}
	by := map[string]string{}
	for j := range n {
		first := slices.IndexFunc(direct, func(row []bool) bool { return row[j] })
		if first < 0 {
			continue
		}
		leader := true // of a ring: whatever leads to it is younger, and led to by it
		for i := range n {
			leader = leader && (!leads[i][j] || i >= j && leads[j][i])
		}
		if !leader {
			by[list[j].ID] = list[first].ID
		}
	}
	return by
}

// random returns a set of rules over few labels, so that chains and rings are frequent.
func random(r *rand.Rand) []Rule {
	var settings []RuleSettings
	pick := func() []string {
		m := []string{fmt.Sprintf(`kind=~"%c|%c"`, 'a'+r.IntN(4), 'a'+r.IntN(4))}
		if r.IntN(4) == 0 {
			m = append(m, `severity="major"`)
		}
		return m
	}
	for range 1 + r.IntN(4) {
		settings = append(settings, RuleSettings{SourceMatchers: pick(), TargetMatchers: pick(), Equal: []string{"site", "rack"}[:r.IntN(3)]})
	}
	rules, err := ParseRules(settings)
	if err != nil {
		panic(err)
	}
	return rules
}

func randomState(r *rand.Rand, id string, at time.Time) *alarm.State {
	severity := []alarm.Severity{alarm.Major, alarm.Minor}[r.IntN(2)]
	a := alarm.Alarm{Rule: id, Severity: severity, Labels: map[string]string{
		"kind": string(rune('a' + r.IntN(4))), "site": string(rune('x' + r.IntN(2))), "rack": string(rune('1' + r.IntN(2))),
	}}
	return &alarm.State{ID: id, RaisedAt: at, Conditions: []alarm.Condition{{Source: id, Alarm: a}}}
}

// model is an index whose callers look again only at the alarms that it returns.
type model struct {
	*world
	index *Index
	seen  map[string]string // the cause of each alarm when it was last looked at
	ids   int               // of alarms
}

func (m *model) look(x *Index, id string) {
	if c, inhibited := x.Inhibited(id); inhibited && m.active[id] != nil {
		m.seen[id] = c.Alarm
	} else {
		delete(m.seen, id)
	}
}

// transact changes some alarms, in one transaction.
func (m *model) transact(r *rand.Rand, now time.Time) {
	x := m.index.Changing()
	changed := map[string]*alarm.State{}
	for range 1 + r.IntN(3) {
		id := fmt.Sprint(r.IntN(m.ids))
		var s *alarm.State
		if r.IntN(3) > 0 {
			s = randomState(r, id, now)
			if old := m.active[id]; old != nil && r.IntN(2) == 0 {
				s.RaisedAt = old.RaisedAt
			}
		}
		x.Put(id, id, s)
		if changed[id] = s; s == nil {
			delete(m.active, id)
		} else {
			m.active[id] = s
		}
	}
	for _, id := range x.Touched(func(key string) bool { return changed[key] != nil }) {
		m.look(x, id)
	}
	for id := range changed {
		m.look(x, id)
	}
	for id, s := range changed {
		m.index.Set(id, id, s)
	}
}

func TestInhibitionIsTheNaiveOne(t *testing.T) {
	rings := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := &world{rules: random(r), active: map[string]*alarm.State{}}
		m := &model{world: w, index: NewIndex(w.rules, labelsOf), seen: map[string]string{}, ids: 8}
		for step := range 30 {
			m.transact(r, time.Unix(int64(step/2), 0))
			want := w.inhibited()
			restarted := NewIndex(w.rules, labelsOf)
			for id, s := range w.active {
				restarted.Set(id, id, s)
			}
			for id := range w.active {
				for name, x := range map[string]*Index{"index": m.index, "index after a restart": restarted} {
					if c, inhibited := x.Inhibited(id); inhibited != (want[id] != "") || c.Alarm != want[id] {
						t.Fatalf("seed %d, step %d: %s: alarm %s is inhibited by %q, want %q", seed, step, name, id, c.Alarm, want[id])
					}
				}
				if m.seen[id] != want[id] {
					t.Fatalf("seed %d, step %d: alarm %s was not looked at again: %q, want %q", seed, step, id, m.seen[id], want[id])
				}
				if want[id] == "" && w.isInhibited(id) {
					rings++
				}
			}
		}
	}
	if rings < 1000 {
		t.Errorf("only %d rings", rings)
	}
}

func (w *world) isInhibited(id string) bool {
	for _, s := range w.active {
		if w.inhibits(s.Alarm(), w.active[id].Alarm()) {
			return true
		}
	}
	return false
}

// A transaction that failed leaves the index as it was.
func TestARolledBackChangeIsNone(t *testing.T) {
	rules, err := ParseRules([]RuleSettings{{SourceMatch: map[string]string{"alertname": "Down"}, TargetMatchRE: map[string]string{"alertname": "Hot|Wet"}, Equal: []string{"site"}}})
	if err != nil {
		t.Fatal(err)
	}
	x := NewIndex(rules, labelsOf)
	state := func(rule string) *alarm.State {
		return &alarm.State{ID: rule, Conditions: []alarm.Condition{{Alarm: alarm.Alarm{Rule: rule, Target: "core-1", Labels: map[string]string{"site": "berlin"}}}}}
	}
	x.Set("Hot", "Hot", state("Hot"))
	c := x.Changing()
	c.Put("Down", "Down", state("Down"))
	if touched := c.Touched(func(string) bool { return false }); !slices.Equal(touched, []string{"Hot"}) {
		t.Errorf("touched %q", touched)
	}
	if by, inhibited := c.Inhibited("Hot"); !inhibited || by.Reason() != (mute.Reason{Kind: mute.ByInhibition, Name: "Down core-1"}) {
		t.Errorf("%v", by)
	}
	if _, inhibited := x.Inhibited("Hot"); inhibited {
		t.Error("a change that was not made inhibits")
	}
}

// An alarm of another process inhibits those that are here, is not among those to look at again, and replaces none that is here.
func TestAlarmsOfOtherProcesses(t *testing.T) {
	rules, err := ParseRules([]RuleSettings{{SourceMatchers: []string{`alertname=~"Down|Hot"`}, TargetMatchers: []string{`alertname=~"Hot|Wet"`}}})
	if err != nil {
		t.Fatal(err)
	}
	state := func(rule string) *alarm.State {
		return &alarm.State{ID: rule, Conditions: []alarm.Condition{{Alarm: alarm.Alarm{Rule: rule}}}}
	}
	none := func(string) bool { return false }
	x := NewIndex(rules, labelsOf)
	x.Set("Wet", "Wet", state("Wet"))
	for _, change := range []func(id, key string, s *alarm.State){x.Set, x.Changing().Put} {
		change("Hot", "", state("Hot"))
	}
	c := x.Changing()
	c.Put("Down", "", state("Down"))
	if touched := c.Touched(none); !slices.Equal(touched, []string{"Wet"}) {
		t.Errorf("touched %q", touched)
	}
	if inhibits, changed := c.Inhibits("Down"); !inhibits || !changed {
		t.Errorf("it inhibits: %t, changed: %t", inhibits, changed)
	}
	x.Set("Hot", "Hot", state("Hot"))
	x.Set("Hot", "", nil)
	c = x.Changing()
	c.Put("Hot", "", nil)
	for name, x := range map[string]*Index{"index": x, "change": c} {
		if by, inhibited := x.Inhibited("Wet"); !inhibited || by.Alarm != "Hot" {
			t.Errorf("%s: Wet is inhibited by %q", name, by.Alarm)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	rules, _ := ParseRules([]RuleSettings{{SourceMatchers: []string{`kind="a"`}, TargetMatchers: []string{`kind="b"`}, Equal: []string{"site"}}})
	x := NewIndex(rules, labelsOf)
	states := make([]*alarm.State, 10_000)
	for i := range states {
		id, kind := fmt.Sprint(i), "b"
		if i%10 == 0 {
			kind = "a"
		}
		a := alarm.Alarm{Rule: id, Labels: map[string]string{"kind": kind, "site": fmt.Sprint(i / 20)}}
		states[i] = &alarm.State{ID: id, Conditions: []alarm.Condition{{Alarm: a}}}
	}
	for i := 0; b.Loop(); i++ {
		s := states[i%len(states)]
		c := x.Changing()
		c.Put(s.ID, s.ID, s)
		c.Inhibited(s.ID)
		x.Set(s.ID, s.ID, s)
	}
}
