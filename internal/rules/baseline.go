package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"trapline/internal/notify"
)

// baselineAnnotation is the annotation of rules whose first evaluation for a target is a baseline, if it is "true". The
// alerts that this evaluation finds are shown, but not sent until they are resolved and fire again, or their severity
// changes.
const baselineAnnotation = "baseline"

// looks are the baseline rules that were evaluated for each target, by its name.
type looks map[string][]string

// look is the stored form of a target: the UIDs of the baseline rules that were evaluated for it. A look without rules
// deletes the target.
type look struct {
	target string
	rules  []string
}

// baseline reports whether a new alert belongs to the baseline of its rule.
func (d *device) baseline(r *Rule) bool { return r.Baseline && !d.looked[r.UID] }

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

// forgetLooks removes those of rules that were deleted: if they are added again, they have another baseline.
func (d *device) forgetLooks(set *Set) {
	for uid := range d.looked {
		if !slices.ContainsFunc(set.baselines, func(r *Rule) bool { return r.UID == uid }) {
			delete(d.looked, uid)
			d.unlooked = true
		}
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

// lintBaseline reports an annotation that has no effect.
func (l *linter) lintBaseline() {
	switch text := l.rule.Annotations[baselineAnnotation]; {
	case text != "" && text != "true" && text != "false":
		l.find(LevelWarning, `the annotation baseline is "true", or is left out`)
	case l.rule.Baseline && l.rule.Global != "":
		l.find(LevelWarning, "the annotation baseline has no effect: the rule is evaluated over all targets at once")
	}
}

// Held returns the firing alarms of baselines, which are shown and not sent.
func (e *Evaluator) Held() (list []notify.Alarm) {
	e.eachHealth(func(_ string, _ *device, fares []ruleHealth) {
		for i := range fares {
			for _, r := range fares[i].alerts {
				if r.Firing && r.Baseline {
					list = append(list, e.alarmShown(r))
				}
			}
		}
	})
	return list
}

// looksBucket has, by the name of a target, the UIDs of the baseline rules that have looked at it.
var looksBucket = []byte("rules_looks")

func storeLooks(tx *bbolt.Tx, list []look) error {
	if len(list) == 0 {
		return nil
	}
	b, err := tx.CreateBucketIfNotExists(looksBucket)
	if err != nil {
		return err
	}
	for _, l := range list {
		key := []byte(l.target)
		if len(l.rules) == 0 {
			err = b.Delete(key)
		} else {
			var text []byte
			if text, err = json.Marshal(l.rules); err == nil {
				err = b.Put(key, notify.Seal(key, text))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func loadLooks(state *notify.State) (looks, error) {
	found := looks{}
	_, err := state.ReadRecords(looksBucket, func(key, text []byte) error {
		var rules []string
		if err := json.Unmarshal(text, &rules); err != nil {
			return err
		}
		if len(bytes.TrimSpace(key)) == 0 {
			return errors.New("it is of no target")
		}
		found[string(key)] = rules
		return nil
	})
	return found, err
}
