package transfer_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/outbox/store"
	"trapline/internal/statedir"
	"trapline/internal/transfer"
)

// live has a single process run for a while, with receivers that do not always answer, and ends it in order or not.
func (w *world) live(dir string) {
	all := w.all
	p := w.start("single", dir, false, -1)
	if p == nil { // the cluster may have its alarms
		return
	}
	for range 4 + w.random.IntN(10) {
		for range 8 {
			target := targets[w.random.IntN(len(targets))]
			w.truth[target] = !w.truth[target]
		}
		for _, s := range w.sinks {
			s.setBroken(w.random.IntN(3) == 0)
		}
		p.judgeAll(false)
		w.forwarded++
		p.apply(p.outbox.Forward([]alarm.Event{{Kind: alarm.Forward, At: time.Now(), Trap: []byte{1}, Alarm: alarm.Alarm{Target: "t1", Address: netip.MustParseAddr("192.0.2.1")}}}, time.Now()))
		settle(time.Duration(w.random.IntN(20_000)) * time.Millisecond)
		for _, a := range p.outbox.Active() {
			if a.Ack == nil && w.random.IntN(4) == 0 {
				if err := p.outbox.Acknowledge(a.ID, &alarm.Ack{By: "ann", Sticky: true}, time.Now()); err != nil {
					w.t.Error(err)
				}
			}
		}
	}
	w.dead = p.deadLetters()
	if w.random.IntN(2) == 0 {
		p.end()
	} else {
		p.kill()
	}
	settle(0)
	w.all, w.before = all, w.standings(w.localRecords(dir))
}

func (p *process) deadLetters() int {
	list, err := p.outbox.DeadLetters(fmt.Sprint("sink", lossy))
	if err != nil {
		p.t.Error(err)
	}
	return len(list)
}

// giver returns who gives the records of a member.
func (p *process) giver() *transfer.Giver {
	return &transfer.Giver{
		Local: p.local(), Keep: func() error { return store.KeepAs(p.state, "before-cluster") }, Desk: p, Homes: transfer.Homes{Target: p.home}, Member: p.name, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}
}

// standing are the alarms and alerts of a database, or a shard, as they outlive the move.
type standing struct {
	raised time.Time
	acked  string
	since  time.Time // the alert is active
}

func (w *world) standings(records map[string][]byte) map[string]standing {
	all := map[string]standing{}
	for key, text := range records {
		if !strings.HasPrefix(key, ledger.Alarm) {
			continue
		}
		var s alarm.State
		var a struct {
			ActiveAt time.Time `json:"active_at"`
		}
		id := ""
		if err := json.Unmarshal(text, &s); err == nil {
			id = s.Conditions[0].Source
		}
		if id == storm {
			continue
		}
		if err := json.Unmarshal(records[ledger.Named(ledger.Alert, id)], &a); err != nil {
			w.t.Errorf("alarm %s: its alert: %v", key, err)
		}
		one := standing{raised: s.RaisedAt, since: a.ActiveAt}
		if s.Ack != nil {
			one.acked = s.Ack.By
		}
		all[key] = one
	}
	return all
}

// localRecords reads the database of a directory that no process uses.
func (w *world) localRecords(dir string) map[string][]byte {
	state, err := statedir.Open(dir, nil, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	defer state.Close()
	return recordsOf(w.t, (&process{world: w, state: state}).local())
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err == nil {
		_, err = io.Copy(out, in)
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// takeOver has three members go on with the alarms of one or two single processes, which are killed at any moment and started again. It
// returns the alarms that were raised anew before the cluster knew of them.
func (w *world) takeOver(dirs []string, late bool) (anew map[string]bool) {
	var members []*process
	waits := map[string]bool{}
	for i, dir := range dirs {
		members = append(members, nil)
		waits[fmt.Sprint(i)] = true
		_ = dir
	}
	for len(members) < 3 {
		members = append(members, w.start(fmt.Sprint("m", len(members)), w.t.TempDir(), true, -1))
	}
	anew = map[string]bool{}
	if late { // the others have begun
		for _, shard := range w.shards() {
			if err := members[len(members)-1].take(shard); err != nil {
				w.t.Fatal(err)
			}
		}
		members[len(members)-1].judgeAll(true)
		settle(time.Minute)
		for target, active := range w.truth {
			anew[target] = active
		}
	}
	for round := 0; len(waits) > 0; round++ {
		for i, dir := range dirs {
			if !waits[fmt.Sprint(i)] {
				continue
			}
			budget := w.random.IntN(14)
			if round > 6 {
				budget = -1
			}
			p := w.start(fmt.Sprint("m", i), dir, true, budget)
			if p == nil {
				continue
			}
			if i == 0 {
				p.judgeStorm()
			}
			if err := p.giver().Give(w.t.Context()); err != nil {
				p.kill()
				if given := string(w.localRecords(dir)[ledger.Given]); !late && w.random.IntN(4) == 0 && !strings.Contains(given, `"given"`) {
					w.live(dir) // which does nothing if the cluster may have its alarms
				}
				continue
			}
			delete(waits, fmt.Sprint(i))
			p.mu.Lock()
			p.budget = -1
			p.mu.Unlock()
			members[i] = p
		}
		settle(time.Duration(w.random.IntN(3000)) * time.Millisecond)
	}
	w.share(members, 40)
	return anew
}

// share has the shards go from member to member, which are killed meanwhile, for some rounds.
func (w *world) share(members []*process, rounds int) {
	for round := range rounds {
		for _, shard := range w.shards() {
			was := w.owner(shard)
			if was != nil && len(w.arrived(shard)) == 0 && !w.strays(shard) && w.random.IntN(4) > 0 {
				continue
			}
			if was != nil {
				was.release(shard)
			}
			i := w.random.IntN(len(members))
			p := members[i]
			if w.random.IntN(3) == 0 && round < rounds/2 {
				p.mu.Lock()
				p.budget = w.random.IntN(8)
				p.mu.Unlock()
			}
			err := p.take(shard)
			p.mu.Lock()
			p.budget = -1
			p.mu.Unlock()
			if err != nil && !p.isDead() {
				w.t.Fatal(err)
			}
			if p.isDead() {
				p.kill()
				w.mu.Lock()
				for shard, owner := range w.owners {
					if owner == p {
						w.owners[shard] = nil
					}
				}
				w.mu.Unlock()
				members[i] = w.start(p.name, p.dir, true, -1)
			}
		}
		for _, p := range members {
			p.judgeAll(true)
		}
		settle(time.Duration(w.random.IntN(3000)) * time.Millisecond)
	}
}

// strays reports whether a shard has alarms of targets of other ones.
func (w *world) strays(shard string) bool {
	for key, text := range w.engine.Records(shard) {
		for _, target := range transfer.TargetsOf(key, text) {
			if target != "" && shard != w.home(target) {
				return true
			}
		}
	}
	return false
}

func (w *world) rest() {
	for _, s := range w.sinks {
		s.setBroken(false)
	}
	settle(time.Hour)
}

func seeds() uint64 {
	if os.Getenv("TRAPLINE_SOAK") != "" {
		return 300
	}
	return 6
}

// Single processes become members of a cluster, and they and the owners of shards are killed at any moment: receivers are sent raise
// and clear of each alarm in turn, events keep their request-id, and alarms their age, their acknowledgement and the time since when their
// alert is active. Alarms that the others have raised anew before are merged.
func TestAlarmsOfOneMachineGoOnInACluster(t *testing.T) {
	for seed := range seeds() {
		late, two := seed%4 == 1, seed%4 == 2
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, seed)
			dirs := []string{t.TempDir()}
			w.live(dirs[0])
			if two { // of which the second has had nothing
				dirs = append(dirs, t.TempDir())
			}
			anew := w.takeOver(dirs, late)
			w.rest()
			after := map[string]standing{}
			for _, shard := range w.shards() {
				for key, s := range w.standings(w.engine.Records(shard)) {
					after[key] = s
				}
			}
			for key, was := range w.before {
				if is := after[key]; !is.raised.Equal(was.raised) || is.acked != was.acked || !is.since.Equal(was.since) {
					t.Errorf("seed %d: alarm %s is %+v, was %+v", seed, key, is, was)
				}
			}
			if len(after) != len(w.before) {
				t.Errorf("seed %d: %d alarms are active, were %d", seed, len(after), len(w.before))
			}
			dead := 0
			for _, p := range w.all {
				if !p.isDead() {
					dead += p.deadLetters()
				}
			}
			if dead < w.dead {
				t.Errorf("seed %d: there are %d dead letters, were %d", seed, dead, w.dead)
			}
			for target := range w.truth {
				w.truth[target] = false
			}
			for _, p := range w.all {
				if !p.isDead() {
					p.judgeAll(true)
				}
			}
			w.rest()
			violations := w.check(anew)
			if left, alarms := w.left(); len(left)+alarms > 0 {
				violations = append(violations, fmt.Sprintf("%d alarms and %v are left", alarms, left))
			}
			for _, p := range w.all {
				if !p.isDead() {
					p.end()
				}
			}
			for key := range w.localRecords(dirs[0]) {
				if strings.HasPrefix(key, ledger.Apart) {
					violations = append(violations, key+" is left in the database")
				}
			}
			if len(violations) > 0 {
				t.Errorf("seed %d: %v", seed, violations[:min(4, len(violations))])
			}
			w.goesBack(dirs[0])
		})
		if t.Failed() {
			return
		}
	}
}

// goesBack starts a single process with the database that was given, and a member with the database as it was: neither sends anything.
func (w *world) goesBack(dir string) {
	heard := func() (n int) {
		for _, s := range w.sinks {
			for _, e := range s.heard {
				if e.Kind != alarm.Forward && e.Alarm.Rule != alarm.Storm { // which no cluster has
					n++
				}
			}
		}
		return n
	}
	before := heard()
	p := w.start("single", dir, false, -1)
	p.judgeAll(false)
	w.rest()
	if n := len(p.outbox.Active()); n > 0 || heard() != before {
		w.t.Errorf("alone, it has %d alarms", n)
	}
	p.end()
	copyFile(w.t, filepath.Join(dir, statedir.DatabaseFile+".before-cluster"), filepath.Join(dir, statedir.DatabaseFile))
	p = w.start("m0", dir, true, -1)
	if err := p.giver().Give(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	for _, shard := range w.shards() {
		if batches := w.arrived(shard); len(batches) > 0 {
			w.t.Errorf("the database as it was is taken over again: %v of %s", batches, shard)
		}
	}
	w.rest()
	if heard() != before {
		w.t.Error("events were sent again")
	}
	p.end()
}
