package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/outbox/shards"
	"trapline/internal/outbox/store"
)

// given is how far the records have come that a process had before it was a member of a cluster.
type given struct {
	State   string    `json:"state"`
	Batch   string    `json:"batch,omitempty"`
	Cluster string    `json:"cluster,omitempty"` // that takes them over, or has
	At      time.Time `json:"at,omitzero"`       // when they were given
	Run     float64   `json:"run,omitempty"`     // the last run time of the single process
	Alive   time.Time `json:"alive,omitzero"`    // up to when its rules missed no evaluation
}

// The states. There is no record of a process that is a single one.
const (
	apart   = "apart"    // the records wait in the database
	inDoubt = "in doubt" // the cluster may have them
	done    = "given"    // the cluster has them, or there were none
)

func readGiven(ctx context.Context, local ledger.Store) (g given, found bool, err error) {
	err = load(ctx, local, shards.Local, []string{ledger.Given}, func(_ string, text []byte) error {
		found = true
		return json.Unmarshal(text, &g)
	})
	return g, found, err
}

func (g *given) write() ledger.Write { return ledger.Write{Key: ledger.Given, Value: encode(g)} }

// Enter prepares the database of a process that is a member of a cluster from now on: it leaves the records that stay with the
// process, in the form of a member, and sets the others apart for Giver.
func Enter(ctx context.Context, local ledger.Store, engine []byte, now time.Time) error {
	if _, found, err := readGiven(ctx, local); err != nil || found {
		return err
	}
	all, single := map[string][]byte{}, map[string]string{}
	wanted := append([]string{ledger.Alive, ledger.Run, ledger.Sent, ledger.Number}, kinds...)
	err := load(ctx, local, shards.Local, wanted, func(key string, text []byte) error {
		if kind, name := cutKind(key); name == "" {
			single[kind] = string(text)
		} else {
			all[key] = slices.Clone(text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	e := &entering{all: all, now: now, given: given{State: done}}
	e.seq, _ = strconv.ParseUint(single[ledger.Number], 10, 64)
	e.given.Run, _ = strconv.ParseFloat(single[ledger.Run], 64)
	_ = e.given.Alive.UnmarshalText([]byte(single[ledger.Alive])) // without one nothing is known
	e.divide()
	if e.apart > 0 {
		sum := sha256.Sum256(fmt.Appendf(nil, "%x %s %s", engine, single[ledger.Number], single[ledger.Run]))
		e.given.State, e.given.Batch = apart, ledger.OfProcess+hex.EncodeToString(sum[:8])
	}
	for _, kind := range []string{ledger.Alive, ledger.Sent} {
		if _, found := single[kind]; found {
			e.deletes = append(e.deletes, ledger.Write{Key: kind})
		}
	}
	return local.Commit(ctx, slices.Concat(e.deletes, e.puts, []ledger.Write{e.given.write()}))
}

// entering is an Enter on its way.
type entering struct {
	all           map[string][]byte
	seq           uint64
	now           time.Time
	given         given
	apart         int
	deletes, puts []ledger.Write
}

// divide sets records apart, except those that stay with the process.
func (e *entering) divide() {
	const cluster = "cluster" // any shard of it
	c := newCollection(&Homes{Target: func(string) string { return cluster }})
	for _, key := range sorted(e.all) {
		_ = c.read(key, e.all[key])
	}
	var own []*item
	for _, one := range c.items() {
		if one.shard == shards.Local {
			own = append(own, one)
		}
	}
	a := &arrival{Receiver: &Receiver{Now: e.now}, records: c.records(own), header: Header{Process: true, Run: e.given.Run}}
	first, last := a.counters()
	a.header.Base = e.seq + 1 - first
	for _, key := range sorted(a.records) {
		if w, err := a.take(key, a.records[key]); err == nil {
			e.puts = append(e.puts, w...)
		}
	}
	if last > 0 {
		e.puts = append(e.puts, ledger.Write{Key: ledger.Number, Value: strconv.AppendUint(nil, a.header.Base+last, 10)})
	}
	e.puts = append(e.puts, ledger.Write{Key: ledger.Run, Value: strconv.AppendFloat(nil, shards.Run(e.now).Seconds(), 'g', -1, 64)})
	stays := map[string]bool{}
	for _, one := range own {
		stays[one.from] = true
		if r, is := one.value.(*store.RowRecord); is {
			stays[ledger.Numbered(ledger.Event, r.Event)] = true
		}
	}
	for _, key := range sorted(e.all) {
		e.deletes = append(e.deletes, ledger.Write{Key: key})
		if !stays[key] {
			e.puts = append(e.puts, ledger.Write{Key: ledger.Apart + key, Value: e.all[key]})
			e.apart++
		}
	}
}

// Leave prepares the database of a process that may have been a member of a cluster, and is a single one from now on. Records that no
// cluster has taken over are its own again.
func Leave(ctx context.Context, local ledger.Store, logger *slog.Logger) error {
	g, found, err := readGiven(ctx, local)
	switch {
	case err != nil || !found:
		return err
	case g.State == inDoubt:
		return fmt.Errorf("the alarms in the state_dir were about to be taken over by the cluster %s, which may have sent of them since: start once more with cluster in the configuration, "+
			"or move trapline.db away to begin without alarms", g.Cluster)
	}
	var writes []ledger.Write
	l := &leaving{}
	err = load(ctx, local, shards.Local, []string{ledger.Run}, func(_ string, text []byte) error {
		run, err := strconv.ParseFloat(string(text), 64)
		l.by = g.Run - run
		return err
	})
	if err != nil {
		return err
	}
	err = load(ctx, local, shards.Local, append([]string{ledger.Apart}, kinds...), func(key string, text []byte) error {
		was, is := strings.CutPrefix(key, ledger.Apart)
		if is {
			writes = append(writes, ledger.Write{Key: key})
			if g.State == apart {
				writes = append(writes, ledger.Write{Key: was, Value: slices.Clone(text)})
			}
			return nil
		}
		writes = append(writes, l.single(key, text)...)
		return nil
	})
	if err != nil {
		return err
	}
	writes = append(writes, ledger.Write{Key: ledger.Run, Value: strconv.AppendFloat(nil, g.Run, 'g', -1, 64)})
	if alive, err := g.Alive.MarshalText(); err == nil && g.State == apart && !g.Alive.IsZero() {
		writes = append(writes, ledger.Write{Key: ledger.Alive, Value: alive})
	}
	if g.State == done && g.Cluster != "" {
		logger.Warn("the cluster has the alarms that this process had, which begins without any: those that are active are raised again, and those that end meanwhile are not cleared",
			"cluster", g.Cluster, "since", g.At)
	}
	return local.Commit(ctx, append(writes, ledger.Write{Key: ledger.Given}))
}

// leaving is a Leave on its way.
type leaving struct {
	by float64 // how much later run times are for the single process
}

func (l *leaving) run(run float64) float64 {
	if run == 0 {
		return 0
	}
	return math.Max(run+l.by, math.SmallestNonzeroFloat64)
}

// single returns the writes that make a record of a member one of a single process. Forwarded notifications are in the same place for
// both.
func (l *leaving) single(key string, text []byte) []ledger.Write {
	kind, name := cutKind(key)
	to, value, err := key, []byte(nil), error(nil)
	ours := func(place string) string {
		if cut := shards.CutPlace(place); shards.PlaceIn(shards.Local, cut) == place {
			return cut
		}
		return place
	}
	switch kind {
	case ledger.Alarm:
		value, err = changed(text, func(s *alarm.State) {
			s.Run = l.run(s.Run)
			for receiver, place := range s.In {
				s.In[receiver] = ours(place)
			}
			for i := range s.Conditions {
				s.Conditions[i].Lease = l.run(s.Conditions[i].Lease)
			}
		})
	case ledger.View:
		receiver, place := ledger.CutReceiver(name)
		to = viewKey(receiver, ours(place))
		value, err = changed(text, func(v *alarm.View) { v.Run = l.run(v.Run) })
	case ledger.Out:
		value, err = changed(text, func(r *store.RowRecord) { r.Line, r.Run = ours(r.Line), l.run(r.Run) })
	case ledger.Dead:
		value, err = changed(text, func(d *store.DeadLetter) { d.Line = ours(d.Line) })
	default:
		return nil
	}
	if err != nil {
		return nil // whoever reads the record puts it aside
	}
	return []ledger.Write{{Key: key}, {Key: to, Value: value}}
}

// Desk takes the records of a process into the inboxes of a cluster's shards.
type Desk interface {
	// Begin begins a batch for some shards, or once more, and reports whether it was completed before.
	Begin(ctx context.Context, batch string, shards []string) (completed bool, err error)
	// Stage stores records of the batch.
	Stage(ctx context.Context, batch string, writes []ledger.Write) error
	// Complete has the owners of the shards take the batch over.
	Complete(ctx context.Context, batch string) error
	// ID returns the ID of the cluster.
	ID() string
}

// Giver gives the records that Enter has set apart to a cluster.
type Giver struct {
	Local  ledger.Store
	Keep   func() error // keeps a copy of the database, for a process that is to go on with it alone
	Desk   Desk
	Homes  Homes
	Member string
	Now    func() time.Time
	Logger *slog.Logger
}

// Waits reports whether there are records to be given.
func (g *Giver) Waits(ctx context.Context) (bool, error) {
	was, found, err := readGiven(ctx, g.Local)
	return found && was.State != done, err
}

// Give gives the records to the cluster, once: after an error, or in another process, it may be called again.
func (g *Giver) Give(ctx context.Context) error {
	was, found, err := readGiven(ctx, g.Local)
	if err != nil || !found || was.State == done {
		return err
	}
	c := newCollection(&g.Homes)
	var gone []ledger.Write
	err = load(ctx, g.Local, shards.Local, []string{ledger.Apart}, func(key string, text []byte) error {
		gone = append(gone, ledger.Write{Key: key})
		return c.read(strings.TrimPrefix(key, ledger.Apart), text)
	})
	if err != nil {
		return err
	}
	of := map[string][]*item{}
	for _, one := range c.items() {
		of[one.shard] = append(of[one.shard], one)
	}
	delete(of, shards.Local) // those stay: Enter sets none of them apart
	completed, err := g.Desk.Begin(ctx, was.Batch, sorted(of))
	if err != nil {
		return err
	}
	was.Cluster = g.Desk.ID()
	if !completed {
		if err := g.stage(ctx, &was, c, of); err != nil {
			return err
		}
		if was.State == apart {
			err = g.Keep()
		}
		if err != nil {
			return err
		}
		was.State = inDoubt
		if err := g.Local.Commit(ctx, []ledger.Write{was.write()}); err != nil {
			return err
		}
		if err := g.Desk.Complete(ctx, was.Batch); err != nil {
			return err
		}
	}
	if len(c.unread) > 0 {
		g.Logger.Error("records of the state directory cannot be read, and are not taken over by the cluster", "records", c.unread)
	}
	was.State, was.At = done, g.Now()
	if err := g.Local.Commit(ctx, append(gone, was.write())); err != nil {
		return err
	}
	if completed {
		g.Logger.Info("the cluster has the alarms of the state directory already", "cluster", was.Cluster)
	} else {
		g.Logger.Info("the cluster has taken over the alarms of the state directory", "cluster", was.Cluster, "alarms", len(c.alarms), "alerts", len(c.alerts), "records", len(gone))
	}
	return nil
}

func (g *Giver) stage(ctx context.Context, was *given, c *collection, of map[string][]*item) error {
	header := encode(&Header{From: g.Member, Process: true, Run: was.Run, Alive: was.Alive})
	var lists [][]ledger.Write
	for _, shard := range sorted(of) {
		records := c.records(of[shard])
		for _, key := range sorted(records) {
			lists = append(lists, []ledger.Write{{Shard: shard, Key: inbox(was.Batch, key), Value: records[key]}})
		}
		lists = append(lists, []ledger.Write{{Shard: shard, Key: inbox(was.Batch, ""), Value: header}})
	}
	return commits(lists, func(part []ledger.Write) error { return g.Desk.Stage(ctx, was.Batch, part) })
}
