package poller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/clocks"
	"trapline/internal/profile"
	"trapline/internal/snmp"
)

// auto chooses modules for one target, from the profiles.
type auto struct {
	choiceCache *profile.ChoiceCache
	catalog     *Catalog
	reserved    []string
}

// maxChoices bounds the choices that are kept: those for targets that are only asked for on demand come
// from outside.
const maxChoices = 100_000

// auto returns the chooser of modules for t. Targets that are the same device share a choice.
func (c *Catalog) auto(t *Target, reserved []string) (*auto, error) {
	book, err := c.Profiles()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fmt.Sprintf("%s\x00%s\x00%s\x00%s", t.Spec.Address, t.AuthName, t.Spec.Context, t.Spec.ContextEngineID)
	if c.choices[key] == nil {
		if len(c.choices) >= maxChoices {
			clear(c.choices)
		}
		c.choices[key] = &profile.ChoiceCache{Registry: book}
	}
	return &auto{c.choices[key], c, reserved}, nil
}

// modules returns the modules of a pass that begins now. A chosen module that has a name of t's own gives
// way to it. The choice is nil where none is to be made.
func (t *Target) modules(ctx context.Context, s collector.Session, now time.Time) ([]*collector.Module, *profile.Choice, error) {
	if t.auto == nil {
		return t.Modules, nil, nil
	}
	choice, err := t.auto.choiceCache.Choice(ctx, s, t.EffectiveParams(), now)
	if err != nil {
		return nil, nil, err
	}
	modules := slices.Clone(t.Modules)
	for _, m := range choice.Modules {
		if !slices.ContainsFunc(t.Modules, func(own *collector.Module) bool { return own.Name == m.Module.Name }) {
			settings, err := m.Module.Settings()
			if err != nil {
				return nil, nil, err
			}
			modules = append(modules, t.auto.catalog.chosen(m.Module.Name, settings, t.auto.reserved))
		}
	}
	return modules, choice, nil
}

// counted is a session that adds the statistics of its polls, which follow each other.
type counted struct {
	session collector.Session
	stats   client.Stats
}

func (c *counted) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	stats, err := c.session.Poll(ctx, p, yield)
	c.stats.Add(stats)
	return stats, err
}

// autoLabels is how often labels of modules are read that profiles choose, where the device shows that rows are others.
const autoLabels = 10 * time.Minute

// clocked returns modules of t with how often their labels are read.
func (t *Target) clocked(modules []*collector.Module) []clocks.Asked {
	list := make([]clocks.Asked, len(modules))
	for i, m := range modules {
		list[i].Module = m
		if !slices.Contains(t.Modules, m) {
			list[i].Labels = autoLabels
		}
	}
	return list
}
