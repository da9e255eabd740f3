package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
	"trapline/internal/outbox/shards"
	"trapline/internal/rules/known"
)

// Sender moves records out of a shard that is owned, and of which nothing is loaded: those of targets that have another shard.
type Sender struct {
	Store ledger.Store
	Shard string
	Homes Homes
	// Renamed returns the name that a target has now, by its address; "" if it is the same, or there is no such target.
	Renamed func(target, address string) string
	Looks   bool      // only looks are moved
	Alive   time.Time // up to when the rules of the shard missed no evaluation
	Now     time.Time // by the wall clock
	Logger  *slog.Logger
}

// strays are the records that belong to other shards.
type strays struct {
	*Sender
	collection *collection
	items      map[string][]*item // by shard
	number     uint64             // the last of the shard
}

func (s *Sender) find(ctx context.Context) (*strays, error) {
	homes := s.Homes
	homes.Target = func(name string) string {
		if name == "" {
			return s.Shard
		}
		return s.Homes.Target(name)
	}
	c := newCollection(&homes)
	c.shared, c.source = true, s.Shard
	found := &strays{Sender: s, collection: c, items: map[string][]*item{}}
	wanted := []string{ledger.Look}
	if !s.Looks {
		wanted = kinds
	}
	err := load(ctx, s.Store, s.Shard, append([]string{ledger.Number}, wanted...), func(key string, text []byte) error {
		if key == ledger.Number {
			found.number, _ = strconv.ParseUint(string(text), 10, 64)
			return nil
		}
		return c.read(key, text)
	})
	if err != nil {
		return nil, err
	}
	for _, one := range c.items() {
		s.rename(one)
		if one.shard != s.Shard && one.shard != shards.Local {
			found.items[one.shard] = append(found.items[one.shard], one)
		}
	}
	return found, nil
}

// rename has the rows that are known of a target go to the target that has its address now. Its rules begin anew.
func (s *Sender) rename(one *item) {
	target, is := strings.CutPrefix(one.from, ledger.Look)
	if !is || s.Renamed == nil {
		return
	}
	text, _ := one.value.([]byte)
	l, err := known.ReadLook(text)
	if err != nil || len(l.Known) == 0 {
		return
	}
	if name := s.Renamed(target, l.Address); name != "" {
		l.Rules = nil
		one.shard, one.to, one.value = s.Homes.Target(name), ledger.Named(ledger.Look, name), encode(&l)
	}
}

// Any reports whether there are such records.
func (s *Sender) Any(ctx context.Context) (bool, error) {
	found, err := s.find(ctx)
	return err == nil && len(found.items) > 0, err
}

// Send puts the records into the inboxes of their shards. Those of an alarm are moved together: if it is interrupted, they are in one of
// the two.
func (s *Sender) Send(ctx context.Context) error {
	found, err := s.find(ctx)
	if err != nil {
		return err
	}
	for _, shard := range sorted(found.items) {
		if err := found.send(ctx, shard); err != nil {
			return fmt.Errorf("records of shard %s: %w", shard, err)
		}
		s.Logger.Debug("the records of targets go to another shard", "shard", s.Shard, "to", shard, "records", len(found.items[shard]))
	}
	return nil
}

// maxItems is how many records are in a batch at most: each is put there and deleted here, rows bring their events, and alarms
// may have a record that they inhibit others.
const maxItems = maxWrites / 3

// send moves the records of one shard in batches, and a unit that has no room in one in several.
func (s *strays) send(ctx context.Context, shard string) error {
	b := &parcel{strays: s, shard: shard}
	for _, unit := range units(s.items[shard]) {
		if err := b.reserve(ctx, len(unit), s.octets(unit), false); err != nil {
			return err
		}
		more := false
		for _, one := range unit {
			before := len(b.items)
			if err := b.reserve(ctx, 1, s.octets([]*item{one}), more); err != nil {
				return err
			}
			more = more || len(b.items) < before
			b.items, b.octets = append(b.items, one), b.octets+s.octets([]*item{one})
		}
		if more {
			if err := b.flush(ctx, true); err != nil {
				return err
			}
		}
	}
	return b.flush(ctx, false)
}

// parcel is the next batch for a shard.
type parcel struct {
	*strays
	shard  string
	items  []*item
	octets int
}

// reserve makes room for items.
func (b *parcel) reserve(ctx context.Context, items, octets int, more bool) error {
	if len(b.items)+items <= maxItems && b.octets+octets <= maxOctets {
		return nil
	}
	return b.flush(ctx, more)
}

func (b *parcel) flush(ctx context.Context, more bool) error {
	if len(b.items) == 0 {
		return nil
	}
	err := b.commit(ctx, b.shard, b.items, more)
	b.items, b.octets = nil, 0
	return err
}

// units splits a list in which the items of a unit are together.
func units(list []*item) (split [][]*item) {
	for i, one := range list {
		if i == 0 || one.unit != list[i-1].unit {
			split = append(split, nil)
		}
		split[len(split)-1] = append(split[len(split)-1], one)
	}
	return split
}

func (s *strays) octets(items []*item) (n int) {
	for key, text := range s.collection.records(items) {
		n += len(key) + len(text)
	}
	return n
}

// commit moves a batch.
func (s *strays) commit(ctx context.Context, shard string, items []*item, more bool) error {
	s.number++
	from := strings.TrimSuffix(ledger.Of("", s.Shard), "/")
	batch := ledger.Of(ledger.To, shard) + ledger.Numbered(from+".", s.number)
	header := Header{From: s.Shard, Run: shards.Run(s.Now).Seconds(), Alive: s.Alive, More: more}
	writes := []ledger.Write{
		{Shard: s.Shard, Key: ledger.Number, Value: strconv.AppendUint(nil, s.number, 10)},
		{Shard: s.Shard, Key: batch, Value: encode(&header)},
	}
	records := s.collection.records(items)
	for _, key := range sorted(records) {
		writes = append(writes, ledger.Write{Shard: s.Shard, Key: batch + "/" + key, Value: records[key]})
	}
	for _, one := range items {
		if !one.keep {
			writes = append(writes, ledger.Write{Shard: s.Shard, Key: one.from})
			if key, isAlarm := strings.CutPrefix(one.from, ledger.Alarm); isAlarm { // its next owner stores anew that it inhibits others
				writes = append(writes, ledger.Write{Shard: s.Shard, Key: ledger.Named(ledger.Inhibit, key)})
			}
		}
	}
	return s.Store.Commit(ctx, writes)
}

// TargetsOf returns the targets that a record is of: of an alarm, an alert or a look.
func TargetsOf(key string, text []byte) (targets []string) {
	switch kind, name := cutKind(key); kind {
	case ledger.Alarm:
		var s alarm.State
		if json.Unmarshal(text, &s) == nil {
			for i := range s.Conditions {
				targets = append(targets, s.Conditions[i].Alarm.Target)
			}
		}
	case ledger.Alert:
		var a alertRecord
		if json.Unmarshal(text, &a) == nil {
			targets = append(targets, a.Labels[targetLabel])
		}
	case ledger.Look:
		targets = append(targets, name)
	}
	return targets
}
