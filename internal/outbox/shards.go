package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/outbox/clock"
	"trapline/internal/outbox/index"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/store"
	"trapline/internal/transfer"
)

// Settle returns once the commit under way has ended. It is to be called before a shard can be committed to, and then Take: a
// commit that was planned in an earlier tenure of the shard must not be applied in the next one.
func (o *Outbox) Settle(ctx context.Context) error {
	if !o.commits.Lock(ctx) {
		return ctx.Err()
	}
	o.commits.Unlock()
	return nil
}

// Take loads the alarms of a shard of the cluster, and whatever waits for receivers, and goes on with them. It is no start:
// receivers are sent no resync.
func (o *Outbox) Take(ctx context.Context, shard string) error {
	all, damaged, err := o.state.reader.ReadShard(ctx, shard)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	if !o.commits.Lock(ctx) {
		return ctx.Err()
	}
	o.mu.Lock()
	touched := o.state.adopt(shard, all)
	o.mu.Unlock()
	o.commits.Unlock()
	err = o.do(&change{now: o.state.clock.Wall(), more: all.Unused, until: ctx, plan: func(p *plan) {
		if shard == p.state.shards.Global() {
			p.changeMutes(p.mutes.WithSilences(all.Silences, p.now))
			p.changeMutes(p.mutes.Pass(p.now))
		}
		p.touched = append(p.touched, touched...)
		p.share()
		if held := p.state.shards.Held(shard); held != nil {
			for _, key := range slices.Sorted(maps.Keys(held.Alarms)) {
				p.announce(key)
			}
		}
		for _, q := range p.state.queues.All {
			if damaged > 0 {
				p.resync(q, damaged)
			}
		}
	}})
	if err != nil {
		o.Drop(shard, true)
	}
	return err
}

// dropWait bounds how long Drop waits for deliveries in flight.
const dropWait = time.Second

// Drop forgets a shard. Of one that is lost, nothing is sent or written any more. One that is released is sent nothing new:
// Drop waits for the outcome of deliveries in flight, and until that is stored, so that the next owner does not repeat them.
func (o *Outbox) Drop(shard string, lost bool) {
	o.mu.Lock()
	for _, q := range o.state.queues.All {
		q.Hold(shard)
	}
	o.mu.Unlock()
	if !lost {
		o.awaitDeliveries(shard)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state.forget(shard)
}

func (o *Outbox) awaitDeliveries(shard string) {
	timeout := time.NewTimer(dropWait)
	defer timeout.Stop()
	for {
		o.mu.Lock()
		n := 0
		for _, q := range o.state.queues.All {
			n += q.InFlightOf(shard)
		}
		o.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-timeout.C:
			return
		case <-o.ended:
		}
	}
}

// adopt puts the records of a shard into memory. It returns the keys of alarms that begin or cease to be inhibited.
func (st *state) adopt(shard string, all *store.Records) (touched []string) {
	st.shards.Add(shard)
	st.seq = max(st.seq, all.Seq)
	now := clock.Seconds(st.clock.Run())
	all.Shift(min(0, now-all.Run), now) // the clock of the last owner may be ahead
	maps.Copy(st.references, all.References)
	for receiver, numbers := range all.Buried {
		list := slices.Concat(st.buried[receiver], numbers)
		slices.Sort(list)
		st.buried[receiver] = list
	}
	for _, s := range all.Alarms {
		for i := range s.Conditions {
			s.Conditions[i].Alarm.Shard = shard
		}
		index.ExtendLeases(s, now+Lease.Seconds())
	}
	touched = st.index.Adopt(shard, all.Alarms)
	for at, v := range all.Views {
		st.index.KeepView(at, v)
	}
	for name, rows := range all.Rows {
		if q := st.queues.ByName[name]; q != nil {
			fill(q, rows, nil)
		} else {
			st.warnOfOrphan(name, len(rows))
		}
	}
	return touched
}

// forget removes a shard from memory.
func (st *state) forget(shard string) {
	for _, q := range st.queues.All {
		q.Forget(shard)
	}
	held := st.shards.Remove(shard)
	if held == nil { // a commit has found that it is lost
		return
	}
	st.touched = append(st.touched, st.index.Forget(shard, held)...)
	store.Forget(st.references, st.buried, st.shards, map[string]bool{shard: true})
}

// enter prepares the database for a process that is a member of a cluster, or for one that is none. Members keep their own records in it;
// run times are those of members.
func (st *state) enter(id []byte, now time.Time) error {
	if st.shards == nil {
		return transfer.Leave(context.Background(), st.store, st.logger)
	}
	return transfer.Enter(context.Background(), st.store, id, now)
}

// shift has the run times of the records in the state directory be those of a member now.
func (st *state) shift(all *store.Records) {
	st.clock.Base = shards.Run(st.clock.Wall())
	all.Shift(clock.Seconds(st.clock.Base)-all.Run, clock.Seconds(st.clock.Base))
}

// touch notes that the plan changes a shard.
func (p *plan) touch(shard string) {
	if p.shards != nil {
		p.shards[shard] = true
	}
}

// settle notes the shard of an alarm that changes.
func (p *plan) settle(key string, old, is *alarm.State) {
	if is == nil {
		is = old
	}
	if is != nil {
		p.homes[key] = p.state.shards.Home(&is.Conditions[0].Alarm)
		p.touch(p.homes[key])
	}
}

// share has the engine know the alarms of shards of this process that inhibit others, where it may know them otherwise: after a take, and
// after the inhibit rules have changed.
func (p *plan) share() {
	p.unshared = p.state.index.Unshared()
	for _, i := range p.unshared.Changes {
		p.touch(i.Shard)
	}
}

// owns reports whether the process has all shards that a change touches. Else the change has the error.
func (p *plan) owns(c *change) bool {
	for _, w := range c.more {
		p.touch(w.Shard)
	}
	for _, list := range p.unburied {
		for _, number := range list.Numbers {
			p.touch(p.state.shards.OfNumber(number))
		}
	}
	c.shards, c.err = p.shards, nil
	var lost []string
	for shard := range c.shards {
		if !p.state.shards.Owns(shard) {
			lost = append(lost, shard)
		}
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		c.err = &ledger.Lost{Shards: lost}
	}
	return c.err == nil
}

// writeShards commits the plan of a member of a cluster: the writes of its shards, and then those that stay with the process.
// lost are the errors of shards whose writes may not be applied, while all others are.
func (o *Outbox) writeShards(p *plan, writes []ledger.Write, forced bool) (lost map[string]error, err error) {
	o.mu.Lock() // shards may be dropped meanwhile
	more, err := p.writes()
	writes = append(writes, more...)
	own, at, others := store.Split(writes)
	var parts [][]ledger.Write
	if err == nil && len(others) > 0 {
		parts = p.change.Parts(others, p.state.index.Active)
	}
	o.mu.Unlock()
	if err == nil {
		lost, err = store.CommitParts(o.working, o.state.engine, parts, o.state.logger)
	}
	if counters := 2; err != nil || len(own) <= counters && len(others) > 0 && !forced {
		return lost, err
	}
	err = o.state.store.Commit(context.Background(), own)
	if len(others) == 0 {
		if refused := (*ledger.Refused)(nil); errors.As(err, &refused) {
			return nil, &ledger.Refused{At: at[refused.At], Err: refused.Err}
		}
		return lost, err
	}
	if err != nil {
		o.state.logger.Error("the journal of what is stored in the cluster cannot be written", "err", err)
		lost[shards.Local] = err
	}
	return lost, nil
}

// forgetLost has memory forget shards that were lost before a plan was applied, and has the changes that touch them fail.
func (st *state) forgetLost(p *plan, changes []*change, lost map[string]error) {
	for _, c := range changes {
		for shard := range c.shards {
			if err := lost[shard]; err != nil {
				c.err = err
			} else if !st.shards.Owns(shard) {
				c.err = &ledger.Lost{Shards: []string{shard}}
			}
		}
	}
	for shard := range lost {
		if shard != shards.Local {
			st.forget(shard)
		}
	}
	st.sweep(p)
}

// sweep removes from memory whatever a plan has put there of shards that were dropped while it was committed.
func (st *state) sweep(p *plan) {
	gone := map[string]bool{}
	is := func(shard string) bool {
		if !st.shards.Owns(shard) {
			gone[shard] = true
		}
		return gone[shard]
	}
	var keys []string
	for key, home := range p.homes {
		if is(home) {
			keys = append(keys, key)
		}
	}
	st.touched = append(st.touched, st.index.Remove(keys)...)
	for at := range p.views {
		if is(st.shards.OfPlace(at.Key)) {
			st.index.PutView(at, nil)
		}
	}
	for _, a := range p.rows.Added {
		if is(a.Row.Shard) {
			a.Queue.Remove(a.Row)
		}
	}
	if len(gone) > 0 {
		store.Forget(st.references, st.buried, st.shards, gone)
	}
}

// doubtWait bounds how long a caller waits for the engine of a cluster.
const doubtWait = 3 * time.Second

// ErrInDoubt is the error of a change of which it is not known whether it is stored, as the engine of the cluster does not
// answer. Whoever asks for it again changes nothing twice.
var ErrInDoubt = errors.New("the cluster does not answer, and it is not known whether the change is stored: try again")

// ask notes that the engine is asked, until the function that it returns is called.
func (o *Outbox) ask() (answered func()) {
	note := func(at time.Time) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked = at
	}
	note(time.Now())
	return func() { note(time.Time{}) }
}

// unanswered reports whether the engine of the cluster has not answered for so long that no more changes wait for it.
func (o *Outbox) unanswered() bool {
	return o.state.shards != nil && !o.asked.IsZero() && time.Since(o.asked) > doubtWait
}

// patience returns a context that ends when a caller has waited long enough for the engine of a cluster.
func (o *Outbox) patience() (context.Context, context.CancelFunc) {
	if o.state.shards == nil {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), doubtWait)
}

// giveUp ends a request to the engine that has no answer, after the last delivery of the process.
func (o *Outbox) giveUp() {
	ctx, cancel := o.patience()
	defer cancel()
	if !o.commits.Lock(ctx) {
		o.abandon()
		o.commits.Lock(context.Background())
	}
	o.commits.Unlock()
}

// await waits for a change as long as the engine may take. A change that is not planned yet never will be.
func (o *Outbox) await(c *change) error {
	if c.until != nil {
		select {
		case err := <-c.done:
			return err
		case <-c.until.Done():
		}
	}
	timer := time.NewTimer(doubtWait)
	defer timer.Stop()
	select {
	case err := <-c.done:
		return err
	case <-timer.C:
	}
	o.mu.Lock()
	o.pending = slices.DeleteFunc(o.pending, func(other *change) bool { return other == c })
	o.mu.Unlock()
	return ErrInDoubt
}

// resynced returns the queues of receivers that are sent a resync at the start: none by a member of a cluster.
func (o *Outbox) resynced() []*queue.Queue {
	if o.state.shards != nil {
		return nil
	}
	return o.state.queues.All
}

// SetSilences replaces the silences, which the owner of the shard that has them has changed. It changes nothing for that one.
func (o *Outbox) SetSilences(records map[string][]byte) error {
	all := store.Silences(records)
	return o.do(&change{now: o.state.clock.Wall(), plan: func(p *plan) {
		if !p.state.shards.Owns(p.state.shards.Global()) {
			p.changeMutes(p.mutes.WithSilences(all, p.now))
		}
	}})
}
