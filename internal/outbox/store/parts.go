package store

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/ledger"
)

// A transaction of a cluster's engine has room for MaxWrites records of a shard, and for some octets.
const (
	MaxWrites = 120
	maxOctets = 512 << 10
	counted   = 2 // counters of a shard, in each part
)

// Parts returns the writes of a change, and others that are committed with it, in parts that a transaction has room for. What
// belongs together is in one part: an alarm, its alerts, its places, their rows and the events. After a crash between two
// parts it is as if there had been two changes. Something that is larger than a transaction has its events before its rows,
// and these before its views and the alarm: after a crash some of it may be sent again under another ID, and nothing is lost.
// before are the alarms before the change.
func (c *Change) Parts(writes []ledger.Write, before map[string]*alarm.State) [][]ledger.Write {
	room := map[string]*bin{}
	fits := true
	for i := range writes {
		b := binOf(room, writes[i].Shard)
		b.add(writes[i : i+1])
		fits = fits && !b.over(0, 0)
	}
	if fits {
		return [][]ledger.Write{writes}
	}
	u := c.units(before)
	var counters []ledger.Write
	byUnit := map[string]int{}
	var units [][]ledger.Write
	for _, w := range writes {
		if w.Key == ledger.Number || w.Key == ledger.Run {
			counters = append(counters, w)
			continue
		}
		unit := w.Shard + "\x00" + u.Of(w.Key)
		at, known := byUnit[unit]
		if !known {
			at = len(units)
			byUnit[unit], units = at, append(units, nil)
		}
		units[at] = append(units[at], w)
	}
	return pack(units, counters)
}

// bin is a part of the writes of a shard.
type bin struct{ part, writes, octets int }

func binOf(all map[string]*bin, shard string) *bin {
	if all[shard] == nil {
		all[shard] = &bin{}
	}
	return all[shard]
}

func (b *bin) add(writes []ledger.Write) {
	b.writes, b.octets = b.writes+len(writes), b.octets+ledger.Octets(writes)
}

// over reports whether there is no room for more.
func (b *bin) over(writes, octets int) bool {
	return b.writes+writes > MaxWrites || b.octets+octets > maxOctets
}

// pack puts units into parts. Each part has the counters of its shards.
func pack(units [][]ledger.Write, counters []ledger.Write) (parts [][]ledger.Write) {
	room := map[string]*bin{}
	put := func(writes []ledger.Write) {
		b := binOf(room, writes[0].Shard)
		if b.writes > 0 && b.over(len(writes)+counted, ledger.Octets(writes)) {
			*b = bin{part: b.part + 1}
		}
		b.add(writes)
		for len(parts) <= b.part {
			parts = append(parts, nil)
		}
		parts[b.part] = append(parts[b.part], writes...)
	}
	for _, unit := range units {
		if len(unit)+counted <= MaxWrites && ledger.Octets(unit) <= maxOctets {
			put(unit)
			continue
		}
		slices.SortStableFunc(unit, func(a, b ledger.Write) int { return cmp.Compare(rank(&a), rank(&b)) })
		for i := range unit {
			put(unit[i : i+1])
		}
	}
	for i, part := range parts {
		for _, w := range counters {
			if slices.ContainsFunc(part, func(other ledger.Write) bool { return other.Shard == w.Shard }) {
				parts[i] = append(parts[i], w)
			}
		}
	}
	return parts
}

// ranks are the kinds in the order in which an oversized unit is stored.
var ranks = []string{ledger.Event, ledger.Out, ledger.Dead, ledger.View, ledger.Alarm}

func rank(w *ledger.Write) int {
	at := slices.IndexFunc(ranks, func(kind string) bool { return strings.HasPrefix(w.Key, kind) })
	switch {
	case w.Value == nil && (at == 0 || at == 1): // rows that are not sent any more
		return 2*len(ranks) - at
	case at < 0:
		return len(ranks)
	}
	return at
}

// Units says which records belong together, by their keys.
type Units map[string]string

// Of returns the key of the unit of a record.
func (u Units) Of(key string) string {
	for u[key] != "" {
		key = u[key]
	}
	return key
}

// Join has two records, and those that belong to either, belong together.
func (u Units) Join(a, b string) {
	if a, b = u.Of(a), u.Of(b); a != b {
		u[a] = b
	}
}

// JoinAlarm has an alarm belong together with its alerts, the record that it inhibits others, and the views of receivers.
func (u Units) JoinAlarm(key string, s *alarm.State) {
	of := ledger.Named(ledger.Alarm, key)
	u.Join(ledger.Named(ledger.Inhibit, key), of)
	for i := range s.Conditions {
		u.Join(ledger.Named(ledger.Alert, s.Conditions[i].Source), of)
	}
	for receiver, k := range s.In {
		u.Join(ledger.Named(ledger.Of(ledger.View, receiver), k), of)
	}
}

func (c *Change) units(before map[string]*alarm.State) Units {
	u := Units{}
	for key, is := range c.Alarms {
		for _, s := range []*alarm.State{before[key], is} {
			if s != nil {
				u.JoinAlarm(key, s)
			}
		}
	}
	for _, list := range [][]Row{c.Doubted, c.Removed, c.Added} {
		for _, r := range list {
			place := ledger.Named(ledger.Of(ledger.View, r.Receiver), r.Row.QueueKey())
			u.Join(r.key(), place)
			u.Join(ledger.Numbered(ledger.Event, r.Row.EventSeq), place)
			u.Join(deadKey(r.Receiver, r.Row.Seq()), place)
		}
	}
	return u
}

// partPause is how long a further part of a commit waits that the engine has refused.
const partPause = time.Second

// CommitParts commits to the shards of the cluster. Once a part is applied, the others are as soon as the engine takes them, or
// their shards are lost, as they are when ctx ends.
func CommitParts(ctx context.Context, engine ledger.Store, parts [][]ledger.Write, log *slog.Logger) (lost map[string]error, err error) {
	lost = map[string]error{}
	for i := 0; i < len(parts); {
		part := slices.DeleteFunc(parts[i], func(w ledger.Write) bool { return lost[w.Shard] != nil })
		err := engine.Commit(ctx, part)
		gone := (*ledger.Lost)(nil)
		switch {
		case err == nil:
		case errors.As(err, &gone):
			for _, shard := range gone.Shards {
				lost[shard] = err
			}
		case i == 0:
			return nil, err
		case ctx.Err() != nil:
			for _, w := range part {
				lost[w.Shard] = err
			}
		default:
			log.Error("a part of a commit is not stored yet", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(partPause):
			}
			continue
		}
		i++
	}
	return lost, nil
}
