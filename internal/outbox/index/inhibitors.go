package index

import (
	"cmp"
	"maps"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/outbox/shards"
)

// inhibitors are the alarms that inhibit others, as the engine of a cluster has them, a moment late. Of the shards that this process has,
// its own alarms count.
type inhibitors struct {
	known    map[string]map[string]*alarm.State // by shard and key
	byID     map[string][]record                // the same by ID: an alarm that moves may have records in two shards
	compared map[string]int                     // shards whose own alarms may differ, and how often that was noted
}

type record struct {
	shard, key string
	state      *alarm.State
}

// Other returns the alarm of other members that inhibits others under an ID, or nil. Of several it is the oldest.
func (x *Index) Other(id string) *alarm.State { return x.oldest(x.inhibitors.byID[id]) }

func (x *Index) oldest(list []record) *alarm.State {
	var oldest record
	for _, r := range list {
		if !x.shards.Owns(r.shard) && (oldest.state == nil || cmp.Or(r.state.RaisedAt.Compare(oldest.state.RaisedAt), cmp.Compare(r.shard, oldest.shard)) < 0) {
			oldest = r
		}
	}
	return oldest.state
}

// Others returns, by ID, the alarms of other members that will inhibit others, nil for those that will not, when the engine has a list.
func (x *Index) Others(list []shards.Inhibitor) map[string]*alarm.State {
	next := map[string][]record{}
	begin := func(id string) {
		if _, begun := next[id]; !begun {
			next[id] = slices.Clone(x.inhibitors.byID[id])
		}
	}
	for _, i := range list {
		if was := x.inhibitors.known[i.Shard][i.Key]; was != nil {
			begin(was.ID)
		}
		if i.State != nil {
			begin(i.State.ID)
		}
	}
	last := map[[2]string]*alarm.State{}
	for _, i := range list {
		last[[2]string{i.Shard, i.Key}] = i.State
	}
	for id, records := range next {
		next[id] = slices.DeleteFunc(records, func(r record) bool {
			_, changes := last[[2]string{r.shard, r.key}]
			return changes
		})
	}
	for at, s := range last {
		if s != nil {
			next[s.ID] = append(next[s.ID], record{at[0], at[1], s})
		}
	}
	all := make(map[string]*alarm.State, len(next))
	for id, records := range next {
		all[id] = x.oldest(records)
	}
	return all
}

// PutInhibitors stores alarms that the engine has.
func (x *Index) PutInhibitors(list []shards.Inhibitor) {
	others := x.Others(list)
	for _, i := range list {
		x.inhibitors.put(&i)
		if x.shards.Owns(i.Shard) {
			x.compare(i.Shard)
		}
	}
	for id, s := range others {
		x.Causes.Set(id, "", s)
	}
}

func (v *inhibitors) put(i *shards.Inhibitor) {
	if was := v.known[i.Shard][i.Key]; was != nil {
		v.byID[was.ID] = slices.DeleteFunc(v.byID[was.ID], func(r record) bool { return r.shard == i.Shard && r.key == i.Key })
		if len(v.byID[was.ID]) == 0 {
			delete(v.byID, was.ID)
		}
	}
	if i.State == nil {
		if delete(v.known[i.Shard], i.Key); len(v.known[i.Shard]) == 0 {
			delete(v.known, i.Shard)
		}
		return
	}
	if v.known == nil {
		v.known, v.byID = map[string]map[string]*alarm.State{}, map[string][]record{}
	}
	if v.known[i.Shard] == nil {
		v.known[i.Shard] = map[string]*alarm.State{}
	}
	v.known[i.Shard][i.Key] = i.State
	v.byID[i.State.ID] = append(v.byID[i.State.ID], record{i.Shard, i.Key, i.State})
}

// EachInhibitor calls f for the alarms of other members that inhibit others.
func (x *Index) EachInhibitor(f func(*alarm.State)) {
	for id := range x.inhibitors.byID {
		if s := x.Other(id); s != nil {
			f(s)
		}
	}
}

func none(string) bool { return false }

// Adopt puts the alarms of a shard that the process has taken. It returns the keys of alarms that begin or cease to be inhibited.
func (x *Index) Adopt(shard string, alarms map[string]*alarm.State) (touched []string) {
	if c := x.Causes.Changing(); !c.Empty() {
		for _, s := range x.inhibitors.known[shard] {
			c.Put(s.ID, "", x.Other(s.ID))
		}
		for key, s := range alarms {
			c.Put(s.ID, key, s)
		}
		touched = c.Touched(none)
	}
	for _, s := range x.inhibitors.known[shard] {
		x.Causes.Set(s.ID, "", x.Other(s.ID))
	}
	for key, s := range alarms {
		x.Put(key, s)
	}
	x.compare(shard)
	return touched
}

// Forget removes the alarms and views of a shard that the process no longer has: another one has the alarms. It returns the keys of alarms
// that begin or cease to be inhibited.
func (x *Index) Forget(shard string, was *shards.Shard) (touched []string) {
	touched = x.Remove(slices.Collect(maps.Keys(was.Alarms)))
	if c := x.Causes.Changing(); !c.Empty() {
		for _, s := range x.inhibitors.known[shard] {
			c.Put(s.ID, "", x.Other(s.ID))
		}
		touched = append(touched, c.Touched(none)...)
	}
	for _, s := range x.inhibitors.known[shard] {
		x.Causes.Set(s.ID, "", x.Other(s.ID))
	}
	for at := range was.Places {
		x.PutView(at, nil)
	}
	delete(x.inhibitors.compared, shard)
	return touched
}

// Remove removes alarms of shards that the process no longer has. It returns the keys of alarms that begin or cease to be inhibited.
func (x *Index) Remove(keys []string) (touched []string) {
	if c := x.Causes.Changing(); !c.Empty() {
		for _, key := range keys {
			if s := x.Active[key]; s != nil {
				c.Put(s.ID, key, nil)
				c.Put(s.ID, "", x.Other(s.ID))
			}
		}
		touched = c.Touched(none)
	}
	for _, key := range keys {
		x.Put(key, nil)
	}
	return touched
}

// compare notes that the engine may have other alarms of a shard than the process.
func (x *Index) compare(shard string) {
	if shard == shards.Local || x.shards == nil {
		return
	}
	if x.inhibitors.compared == nil {
		x.inhibitors.compared = map[string]int{}
	}
	x.inhibitors.compared[shard]++
}

// Unshared is how the engine is to change so that it has the alarms of this process that inhibit others.
type Unshared struct {
	Changes  []shards.Inhibitor
	compared map[string]int
}

// Unshared returns that for the shards where it may be necessary.
func (x *Index) Unshared() (u Unshared) {
	for shard, n := range x.inhibitors.compared {
		held := x.shards.Held(shard)
		if held == nil {
			continue
		}
		if u.compared == nil {
			u.compared = map[string]int{}
		}
		u.compared[shard] = n
		known := x.inhibitors.known[shard]
		for key := range held.Alarms {
			s := x.Active[key]
			if s == nil {
				continue
			}
			has := known[key]
			switch inhibits, _ := x.Causes.Inhibits(s.ID); {
			case inhibits && (has == nil || !shards.SameInhibitor(has, s)):
				u.Changes = append(u.Changes, shards.Inhibitor{Shard: shard, Key: key, State: s})
			case !inhibits && has != nil:
				u.Changes = append(u.Changes, shards.Inhibitor{Shard: shard, Key: key})
			}
		}
		for key := range known {
			if !held.Alarms[key] || x.Active[key] == nil {
				u.Changes = append(u.Changes, shards.Inhibitor{Shard: shard, Key: key})
			}
		}
	}
	return u
}

// Shared notes that the engine has the changes.
func (x *Index) Shared(u *Unshared) {
	for shard, n := range u.compared {
		if x.inhibitors.compared[shard] == n {
			delete(x.inhibitors.compared, shard)
		}
	}
}

// With returns the changes, and those that follow from changes of alarms, which are in the shards homes, and for which causes is already
// changed.
func (u *Unshared) With(x *Index, alarms map[string]*alarm.State, homes map[string]string, causes *cause.Index) []shards.Inhibitor {
	if x.shards == nil {
		return nil
	}
	all := map[string]shards.Inhibitor{}
	for _, i := range u.Changes {
		all[i.Key] = i
	}
	for key, s := range alarms {
		of := cmp.Or(s, x.Active[key])
		if of == nil || homes[key] == shards.Local {
			continue
		}
		inhibits, changed := causes.Inhibits(of.ID)
		if _, waits := all[key]; !changed && !waits {
			continue
		}
		one := shards.Inhibitor{Shard: homes[key], Key: key}
		if inhibits {
			one.State = s
		}
		all[key] = one
	}
	return slices.Collect(maps.Values(all))
}
