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
	compared map[string]int                     // shards whose own alarms may differ, and how often that was noted
}

// Inhibitor returns the alarm of a shard with a key as the engine has it, or nil.
func (x *Index) Inhibitor(shard, key string) *alarm.State { return x.inhibitors.known[shard][key] }

// PutInhibitors stores alarms that the engine has.
func (x *Index) PutInhibitors(list []shards.Inhibitor) {
	for _, i := range list {
		was := x.Inhibitor(i.Shard, i.Key)
		x.inhibitors.put(&i)
		if x.shards.Owns(i.Shard) {
			x.compare(i.Shard)
			continue
		}
		if was != nil && (i.State == nil || i.State.ID != was.ID) {
			x.Causes.Set(was.ID, "", nil)
		}
		if i.State != nil {
			x.Causes.Set(i.State.ID, "", i.State)
		}
	}
}

func (v *inhibitors) put(i *shards.Inhibitor) {
	if i.State == nil {
		if delete(v.known[i.Shard], i.Key); len(v.known[i.Shard]) == 0 {
			delete(v.known, i.Shard)
		}
		return
	}
	if v.known == nil {
		v.known = map[string]map[string]*alarm.State{}
	}
	if v.known[i.Shard] == nil {
		v.known[i.Shard] = map[string]*alarm.State{}
	}
	v.known[i.Shard][i.Key] = i.State
}

// EachInhibitor calls f for the alarms of other members that inhibit others.
func (x *Index) EachInhibitor(f func(*alarm.State)) {
	for shard, list := range x.inhibitors.known {
		if !x.shards.Owns(shard) {
			for _, s := range list {
				f(s)
			}
		}
	}
}

func none(string) bool { return false }

// Adopt puts the alarms of a shard that the process has taken. It returns the keys of alarms that begin or cease to be inhibited.
func (x *Index) Adopt(shard string, alarms map[string]*alarm.State) (touched []string) {
	if c := x.Causes.Changing(); !c.Empty() {
		for _, s := range x.inhibitors.known[shard] {
			c.Put(s.ID, "", nil)
		}
		for key, s := range alarms {
			c.Put(s.ID, key, s)
		}
		touched = c.Touched(none)
	}
	for _, s := range x.inhibitors.known[shard] {
		x.Causes.Set(s.ID, "", nil)
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
	if c := x.Causes.Changing(); !c.Empty() {
		for key := range was.Alarms {
			if s := x.Active[key]; s != nil {
				c.Put(s.ID, key, nil)
			}
		}
		for _, s := range x.inhibitors.known[shard] {
			c.Put(s.ID, "", s)
		}
		touched = c.Touched(none)
	}
	for key := range was.Alarms {
		x.Put(key, nil)
	}
	for _, s := range x.inhibitors.known[shard] {
		x.Causes.Set(s.ID, "", s)
	}
	for at := range was.Places {
		x.PutView(at, nil)
	}
	delete(x.inhibitors.compared, shard)
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
			case inhibits && (has == nil || has.ID != s.ID || !has.RaisedAt.Equal(s.RaisedAt)):
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
