package rules

import (
	"maps"
	"slices"
)

// noteLooks notes the baseline rules that were evaluated for the target. A rule without rows counts once all tables are
// complete.
func (r *evaluation) noteLooks(set *Set, complete bool) {
	for _, rule := range set.baselines {
		if r.device.looked[rule.UID] {
			continue
		}
		i := slices.IndexFunc(r.device.instances, func(b *ruleInstance) bool { return b.rule.UID == rule.UID })
		if i < 0 && complete || i >= 0 && r.device.instances[i].last.Equal(r.at) {
			r.looked = append(r.looked, rule.UID)
		}
	}
}

// looksToStore returns the looks of the target that differ from the stored ones.
func (r *evaluation) looksToStore() []look {
	if len(r.looked) == 0 && !r.device.unlooked {
		return nil
	}
	rules := slices.AppendSeq(slices.Clone(r.looked), maps.Keys(r.device.looked))
	slices.Sort(rules)
	return []look{{r.device.target.Name, rules}}
}

// keepLooks marks the looks as stored.
func (r *evaluation) keepLooks() {
	d := r.device
	d.unlooked = false
	for _, uid := range r.looked {
		d.looked[uid] = true
	}
}

// takeLooks removes and returns the stored looks of a target. The evaluator's mutex must be held.
func (e *Evaluator) takeLooks(target string) map[string]bool {
	looked := map[string]bool{}
	for _, uid := range e.looks[target] {
		looked[uid] = true
	}
	delete(e.looks, target)
	return looked
}
