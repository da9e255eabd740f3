package outage

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/cluster/peer"
)

// Run reports to the center, and is the center where this member is, until ctx is canceled.
func (t *Tracker) Run(ctx context.Context) error {
	if t.members == nil {
		return nil
	}
	var center sync.WaitGroup
	center.Go(func() { t.center.run(ctx, t.wake) })
	defer center.Wait()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for due := true; ; {
		kick := t.kick
		if !t.exchange(ctx, due) {
			kick = nil // not more than one attempt a second
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			due = false
		case <-kick:
			due = true
		}
	}
}

// wake has a member report, as it would be answered something new.
func (t *Tracker) wake(ctx context.Context, m peer.Member) {
	if m.Name == t.members.Name() {
		signal(t.kick)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	if r, err := t.members.Open(ctx, &peer.Request{To: m, Method: http.MethodPost, Path: wakePath}); err == nil {
		_ = r.Body.Close()
	}
}

// Register adds the paths for other members.
func (t *Tracker) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST "+wakePath, func(http.ResponseWriter, *http.Request) { signal(t.kick) })
	mux.HandleFunc("POST "+reportPath, func(w http.ResponseWriter, request *http.Request) {
		var r report
		if err := json.NewDecoder(io.LimitReader(request.Body, maxReport)).Decode(&r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if t.center.is() {
			t.hear(&r)
		}
		a := t.center.answer(&r)
		if a == nil {
			http.Error(w, "another member computes the outages", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a) // the member has gone
	})
}

var errNoHolder = errors.New("no member of the cluster computes outages at the moment")

// exchange reports whatever has changed, if anything has, or due is set, or some time has passed. It reports whether the center
// answers.
func (t *Tracker) exchange(ctx context.Context, due bool) bool {
	holder := t.members.Holder("")
	b := t.begin(holder.Name, due)
	if b == nil {
		return true
	}
	var a *answer
	err := errNoHolder
	if holder.Name != "" {
		a, err = t.send(ctx, holder, &b.report)
	}
	if err != nil && ctx.Err() == nil {
		t.logger.Debug("the member that computes outages does not answer", "member", holder.Name, "err", err)
	}
	if t.end(b, a, err) {
		t.ApplyLinks()
	}
	return err == nil
}

// exchanged is a report that waits for its answer.
type exchanged struct {
	report
	said   map[string]bool
	own    alarms
	polls  map[string][]ended
	queued uint64
}

// begin returns what is to be reported, nil for nothing.
func (t *Tracker) begin(holder string, due bool) *exchanged {
	owned, self := t.members.Owned(), holder == t.members.Name()
	t.mu.Lock()
	defer t.mu.Unlock()
	now, linked := time.Now(), len(t.linked) > 0
	if self { // which has them in its book
		clear(t.unread)
	}
	if !linked {
		clear(t.polls)
	}
	if !linked || len(owned) == 0 {
		t.useful = now
	}
	t.look(now)
	if holder != t.holder {
		t.holder, t.generation = holder, 0
	}
	if len(owned) > 0 || t.shards != nil {
		t.release(owned)
	}
	shards := make(map[string]bool, len(t.owned))
	for _, shard := range t.owned {
		shards[shard] = true
	}
	claims, said := t.doubted != nil || !maps.Equal(shards, t.shards), !maps.Equal(t.said, t.reported)
	if !linked || !due && !claims && !said && len(t.own.changes(t.ownKnown)) == 0 && len(t.polls)+len(t.unread) == 0 && t.generation != 0 && t.answers && now.Sub(t.last.at) < reportTime {
		return nil
	}
	t.number++
	b := &exchanged{report: report{Member: t.members.Name(), Run: t.run, Number: t.number, Generation: t.generation}, said: t.said, polls: map[string][]ended{}, queued: t.queued}
	reported := t.reported
	if t.generation == 0 {
		reported, t.ownKnown, t.version, t.asked, claims = nil, nil, 0, 0, true
		for name, up := range t.up {
			if !up && len(t.polls[name]) == 0 {
				t.queue(name, ended{})
			}
		}
		if !self {
			b.Links = t.Book.Links()
			for name := range t.heard {
				t.unread[name] = true
			}
		}
	}
	b.Version, b.Asked = t.version, t.asked
	b.own, b.Alarms = t.own, t.own.changes(t.ownKnown)
	if b.Claims = claims; claims {
		b.Shards = t.owned
	}
	b.Said, b.Ended = missing(t.said, reported, t.doubted), missing(reported, t.said, nil)
	for name := range t.doubted {
		if !t.said[name] && !reported[name] {
			b.Ended = append(b.Ended, name)
		}
	}
	shardOf := t.members.ShardOf()
	b.Readings = t.readings(func(name string) bool { return shards[shardOf(name)] })
	for _, name := range slices.Sorted(maps.Keys(t.polls)) {
		if !shards[shardOf(name)] { // of whose alerts nothing is reported yet
			continue
		}
		b.polls[name] = t.polls[name]
		for _, p := range t.polls[name] {
			b.Polls = append(b.Polls, poll{Device: name, Began: p.by.of(p.began, t.generation), Up: p.up})
		}
		delete(t.polls, name)
	}
	return b
}

// missing returns the names of one set that are not in another one, or are in doubt.
func missing(in, from, doubted map[string]bool) (names []string) {
	for name := range in {
		if !from[name] || doubted[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// release forgets the devices that this member does not own any more. The mutex must be held.
func (t *Tracker) release(owned []string) {
	lost := maps.Clone(t.shards)
	for _, shard := range owned {
		delete(lost, shard)
	}
	if len(lost) == 0 {
		return
	}
	shardOf := t.members.ShardOf()
	t.Forget(t.forget(func(name string) bool { return lost[shardOf(name)] }))
}

// look notes whether the outages of the center count. The mutex must be held.
func (t *Tracker) look(now time.Time) {
	alone := now.Sub(t.useful) >= patience
	if alone == t.alone {
		return
	}
	if t.alone = alone; alone {
		t.logger.Warn("it is unknown which devices of other members are down: alarms are muted because of devices of this member alone")
	} else {
		t.logger.Info("it is known again which devices of other members are down")
	}
	signal(t.changed)
}

// end takes the answer to a report, and reports whether links have changed.
func (t *Tracker) end(b *exchanged, a *answer, err error) (linked bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if err != nil || a.Everything || a.Since != 0 && a.Since != t.version {
		for name, list := range b.polls { // which were before those that have come since
			later := t.polls[name]
			delete(t.polls, name)
			t.queue(name, append(slices.Clone(list), later...)...)
		}
		for i := range b.Readings {
			if name := b.Readings[i].Device; t.heard[name] != nil {
				t.unread[name] = true
			}
		}
		for name := range b.Alarms {
			set(&t.ownKnown, name, &alarm.Alarm{}) // any other one, for it may be known or not
		}
		if t.doubted == nil {
			t.doubted = map[string]bool{}
		}
		for _, name := range append(b.Said, b.Ended...) {
			t.doubted[name] = true
		}
		if t.answers = err == nil; t.answers {
			t.generation = 0
			signal(t.kick)
			return false
		}
	} else {
		t.generation, t.last, t.answers, t.done = a.Generation, moment{a.Generation, a.Clock, now}, true, b.queued
		t.reported, t.doubted, t.ownKnown = b.said, nil, maps.Clone(b.own)
		if b.Claims {
			t.shards = map[string]bool{}
			for _, shard := range b.Shards {
				t.shards[shard] = true
			}
		}
		t.take(a, now)
		if a.Computes && t.holder != t.members.Name() {
			linked = t.follow(a)
		}
		if len(t.unread) > 0 {
			signal(t.kick)
		}
	}
	close(t.answer)
	t.answer = make(chan struct{})
	return linked
}

// take notes the outages of an answer, and the devices that are asked for. The mutex must be held.
func (t *Tracker) take(a *answer, now time.Time) {
	for i, name := range a.Asks {
		if a.First+uint64(i) >= t.asked {
			t.awaited[name] = t.last
			t.asks = append(t.asks, name)
		}
	}
	t.asked = max(t.asked, a.First+uint64(len(a.Asks)))
	if a.Computes {
		if t.useful = now; a.Since == 0 {
			t.outages, t.alarms = map[string]cause.Outage{}, nil
		}
		for _, name := range a.Over {
			delete(t.outages, name)
		}
		for i := range a.Outages {
			for _, name := range a.Outages[i].Devices {
				t.outages[name] = a.Outages[i].outage()
			}
		}
		if len(a.Alarms) > 0 {
			t.alarms = maps.Clone(t.alarms) // which those who have it do not expect to change
			for name, one := range a.Alarms {
				set(&t.alarms, name, one)
			}
			maps.DeleteFunc(t.alarms, func(_ string, one *alarm.Alarm) bool { return one == nil })
		}
		if a.Since == 0 || a.Version != t.version {
			t.rebase()
		}
		t.version = a.Version
		maps.DeleteFunc(t.unanswered, func(name string, _ bool) bool { return len(t.polls[name]) == 0 })
		t.look(now)
	}
	signal(t.changed)
}

func (t *Tracker) send(ctx context.Context, holder peer.Member, r *report) (*answer, error) {
	if holder.Name == t.members.Name() {
		if a := t.center.answer(r); a != nil {
			return a, nil
		}
		return nil, errNoHolder
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, reportWait)
	defer cancel()
	response, err := t.members.Open(ctx, &peer.Request{To: holder, Method: http.MethodPost, Path: reportPath, Body: body, Header: http.Header{"Content-Type": {"application/json"}}})
	if err != nil {
		return nil, err
	}
	var a answer
	return &a, peer.ReadJSON(response, maxAnswer, &a)
}
