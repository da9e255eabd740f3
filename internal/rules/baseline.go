package rules

import (
	"cmp"
	"context"
	"slices"
	"time"

	"trapline/internal/notify"
	"trapline/internal/outbox"
	"trapline/internal/rules/known"
)

// learn remembers the rows that the baseline of a rule has.
func (r *evaluation) learn(ctx context.Context, rule *Rule, at time.Time) error {
	if rule.sound == nil || rule.Global != "" {
		return nil
	}
	text := rule.sound.String()
	if slices.Contains(r.learned, text) {
		return nil
	}
	vector, err := r.query(ctx, text, at)
	if err != nil {
		return err
	}
	keys := make([]uint32, 0, len(vector))
	for i := range vector {
		keys = append(keys, known.Key(vector[i].Metric, rule.soundLabels))
	}
	look := r.device.look
	if look.known[text] == nil {
		look.known[text] = &known.Rows{}
	}
	if look.known[text].Learn(keys) {
		look.changed = true
	}
	r.learned = append(r.learned, text)
	return nil
}

// holds reports whether an alert is held by the baseline of its rule.
func (r *evaluation) holds(rule *Rule, old, now *record) bool {
	held := old == nil || old.Baseline // what was sent once is not held any more
	switch {
	case !rule.Baseline || rule.Global != "" || !held:
		return false
	case rule.sound != nil:
		return !r.device.look.known[rule.sound.String()].Has(known.Key(now.Sample, rule.soundLabels))
	case old == nil:
		return !r.device.look.rules[rule.UID]
	}
	return !(old.Firing && old.Severity != now.Severity)
}

// noteLooks notes the baseline rules that were evaluated for the target. A rule without rows counts once all tables are
// complete.
func (r *evaluation) noteLooks(set *Set, complete bool) {
	for _, rule := range set.baselines {
		if r.device.look.rules[rule.UID] {
			continue
		}
		i := slices.IndexFunc(r.device.instances, func(b *ruleInstance) bool { return b.rule.UID == rule.UID })
		if i < 0 && complete || i >= 0 && r.device.instances[i].last.Equal(r.at) {
			r.looked = append(r.looked, rule.UID)
		}
	}
}

// looksToStore returns the look at the target if it differs from the stored one.
func (r *evaluation) looksToStore() []look {
	if len(r.looked) == 0 && !r.device.look.changed {
		return nil
	}
	return []look{r.device.look.stored(r.device.target, r.looked)}
}

// keepLooks marks the looks as stored.
func (r *evaluation) keepLooks() {
	r.device.look.changed = false
	for _, uid := range r.looked {
		r.device.look.rules[uid] = true
	}
}

// store commits changes and transitions. What begins and ends to be held by a baseline is noted in the journal.
func (e *Evaluator) store(transitions []outbox.Transition, changes []change, looked []look) error {
	for i := range looked {
		looked[i].shard = cmp.Or(looked[i].shard, e.shards.ShardOf(looked[i].target))
	}
	var held []outbox.Transition
	for _, c := range changes {
		was, is := c.old.held() && c.old.Noted, c.now.held()
		of := c.now
		switch {
		case was == is || was && c.now != nil && c.now.sent(): // which is noted as it is sent
			continue
		case was:
			of = c.old
		}
		a, _ := notify.AlarmOf(e.deployment, of.shown().Map(), of.Annotations.Map()) // an evaluation logs the error
		a.ID, a.RaisedAt, a.Value = of.ID, e.wall(of.FiredAt), of.Value.String()
		held = append(held, outbox.Transition{Alarm: a, Active: is, Held: true, Shard: of.shard})
	}
	return e.alertStore.apply(slices.Concat(transitions, held), e.shared(changes), looked, e.read())
}
