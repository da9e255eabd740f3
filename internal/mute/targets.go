package mute

import "trapline/internal/alarm"

// setTargets sets the labels of all targets.
func (r *Rules) setTargets(labels map[string]map[string]string) {
	all := make(map[string]layered[map[string]string], len(labels))
	for name, own := range labels {
		all[name] = layered[map[string]string]{value: own}
	}
	r.targets, r.pauses = layers[map[string]string]{all}, layers[[]*window]{r.pausesOf(all)}
}

// WithTargets returns the rules with other labels of some targets, and without those of targets that are gone. It takes as
// long as they are many.
func (r *Rules) WithTargets(labels map[string]map[string]string, gone []string) *Rules {
	changed := make(map[string]layered[map[string]string], len(labels)+len(gone))
	for _, name := range gone {
		changed[name] = layered[map[string]string]{gone: true}
	}
	for name, own := range labels {
		changed[name] = layered[map[string]string]{value: own}
	}
	c := *r
	c.targets = r.targets.with(changed)
	pauses := c.pausesOf(changed)
	for name := range changed {
		if _, paused := pauses[name]; !paused && r.pauses.has(name) {
			pauses[name] = layered[[]*window]{gone: true}
		}
	}
	if len(pauses) > 0 {
		c.pauses = r.pauses.with(pauses)
	}
	return &c
}

// pausesOf returns the windows in which each of some targets is not polled.
func (r *Rules) pausesOf(targets map[string]layered[map[string]string]) map[string]layered[[]*window] {
	paused := map[string]layered[[]*window]{}
	for i := range r.windows {
		w := &r.windows[i]
		if !w.pauses {
			continue
		}
		for name, own := range targets {
			if l := (Labels{Alarm: &alarm.Alarm{Target: name}, Target: own.value}); !own.gone && l.Match(w.matchers) {
				paused[name] = layered[[]*window]{value: append(paused[name].value, w)}
			}
		}
	}
	return paused
}

// TargetLabels returns the labels of a target. r may be nil.
func (r *Rules) TargetLabels(name string) map[string]string {
	if r == nil {
		return nil
	}
	return r.targets.get(name)
}
