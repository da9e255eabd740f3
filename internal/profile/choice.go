package profile

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// Choice is the result of selecting modules for a device, with the reasons.
type Choice struct {
	SysObjectID snmp.OID // nil if the device does not have one
	Enterprises []uint32 // under which it has objects
	More        bool     // it may have objects of further enterprises, which were not searched for
	Profiles    []*Match // that it is of, the most specific first, without the default profile
	Modules     []Chosen
	Absent      []Chosen // candidates for which the device has no object
	Without     []string // modules that its profiles leave out
	Faults      []error  // of built-in modules that would be chosen and cannot be compiled

	Asked, Due time.Time // when the device was asked, and is asked again; zero if the choice is not kept
}

// Chosen is a module and why it is a candidate: the profile that contains it, or the enterprise that it reads objects
// of.
type Chosen struct {
	Module     *Module
	From       string // profile; empty if Enterprise is set
	Enterprise uint32
	Found      snmp.OID // the first object of the module that the device returned
}

// Profile returns the name of the most specific profile of the device, Default if there is no other.
func (c *Choice) Profile() string {
	if len(c.Profiles) == 0 {
		return Default
	}
	return c.Profiles[0].Profile
}

// Choose polls sysObjectID, sysDescr and the enterprises of a device, and selects the modules for which it has objects.
func (b *Registry) Choose(ctx context.Context, s collector.Session, params client.Params) (*Choice, error) {
	id, err := ask(ctx, s, params)
	if whole(err) != nil {
		return nil, err
	}
	choice, _, err := b.choose(ctx, s, params, id)
	return choice, err
}

// choose also reports whether the choice may be incomplete.
func (b *Registry) choose(ctx context.Context, s collector.Session, params client.Params, id snmp.OID) (_ *Choice, doubtful bool, _ error) {
	d, err := explore(ctx, s, params, id)
	if err != nil {
		return nil, false, err
	}
	matches := b.matches(d)
	found, lost, err := has(ctx, s, b.questions(d, matches, params))
	if err != nil {
		return nil, false, err
	}
	matches = slices.DeleteFunc(matches, func(m *Match) bool { return !m.probed(found) })
	slices.SortFunc(matches, moreSpecific)
	choice := &Choice{SysObjectID: id, Enterprises: d.enterprises, More: d.more, Profiles: matches}
	for _, m := range matches {
		choice.Without = append(choice.Without, m.of.without...)
	}
	for _, c := range b.candidates(d, matches) {
		if slices.Contains(choice.Without, c.module.Name) {
			continue
		}
		chosen := Chosen{c.module, c.from, c.enterprise, c.module.first(found)}
		if chosen.Found != nil {
			if _, err := c.module.Settings(); err != nil {
				choice.Faults = append(choice.Faults, fmt.Errorf("module %s: %w", c.module.Name, err))
				continue
			}
			choice.Modules = append(choice.Modules, chosen)
		} else {
			choice.Absent = append(choice.Absent, chosen)
		}
	}
	return choice, d.doubtful || lost, nil
}

// questions returns the plan that polls the objects of all modules that may be chosen, and those that profiles depend on.
func (b *Registry) questions(d *device, matches []*Match, params client.Params) *client.Plan {
	plan := &client.Plan{Params: params}
	for _, c := range b.candidates(d, matches) {
		r := c.module.roots()
		plan.Get = append(plan.Get, r.gets...)
		plan.Next = append(plan.Next, r.walks...)
	}
	for _, m := range matches {
		plan.Next = append(plan.Next, m.Probe...)
	}
	plan.Get, plan.Next = distinct(plan.Get), distinct(plan.Next)
	return plan
}

// distinct returns the OIDs in ascending order, each once.
func distinct(oids []snmp.OID) []snmp.OID {
	slices.SortFunc(oids, snmp.OID.Compare)
	return slices.CompactFunc(oids, func(a, b snmp.OID) bool { return a.Compare(b) == 0 })
}

// has returns the objects that the device answers with, and whether it may have more.
func has(ctx context.Context, s collector.Session, plan *client.Plan) (found []snmp.OID, lost bool, _ error) {
	_, err := s.Poll(ctx, plan, func(v snmp.VarBind) {
		if v.Type.HasValue() {
			found = append(found, append(snmp.OID{}, v.Name...))
		}
	})
	if whole(err) != nil {
		return nil, false, err
	}
	return found, lacking(err), nil
}

// probed reports whether the device has all objects that the profile depends on.
func (m *Match) probed(found []snmp.OID) bool {
	return !slices.ContainsFunc(m.Probe, func(probe snmp.OID) bool {
		return !slices.ContainsFunc(found, func(oid snmp.OID) bool { return oid.HasPrefix(probe) })
	})
}

const (
	// Period is the lifetime of a choice while sysObjectID stays the same.
	Period = 24 * time.Hour
	// doubtPeriod is the lifetime of a choice that may be incomplete.
	doubtPeriod = 10 * time.Minute
)

// ChoiceCache caches the choice for one device. It is safe for concurrent use; one goroutine at a time
// polls.
type ChoiceCache struct {
	Registry *Registry

	mu     sync.Mutex
	choice *Choice
	at     time.Time
}

// Choice returns the modules for a device. It selects them again when sysObjectID changes or Period
// has elapsed. A lost answer or an error of the agent does not remove a module from the choice.
func (k *ChoiceCache) Choice(ctx context.Context, s collector.Session, params client.Params, now time.Time) (*Choice, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	id, err := ask(ctx, s, params)
	if whole(err) != nil {
		return nil, err
	}
	same := k.choice != nil && (lacking(err) || id.Compare(k.choice.SysObjectID) == 0)
	if same && now.Sub(k.at) < Period {
		return k.choice, nil
	}
	if same {
		id = k.choice.SysObjectID
	}
	choice, doubtful, err := k.Registry.choose(ctx, s, params, id)
	if err != nil {
		return nil, err
	}
	if k.at = now; doubtful {
		k.at = now.Add(doubtPeriod - Period)
	}
	if same && doubtful {
		choice = k.choice.and(choice.Modules)
	}
	choice.Asked, choice.Due = now, k.at.Add(Period)
	k.choice = choice
	return choice, nil
}

// and returns the choice with further modules, but for those that its profiles leave out.
func (c *Choice) and(modules []Chosen) *Choice {
	all := *c
	all.Modules = slices.Clip(c.Modules)
	chosen := func(m Chosen) bool {
		return slices.ContainsFunc(all.Modules, func(other Chosen) bool { return other.Module == m.Module })
	}
	for _, m := range modules {
		if !chosen(m) && !slices.Contains(c.Without, m.Module.Name) {
			all.Modules = append(all.Modules, m)
		}
	}
	all.Absent = slices.DeleteFunc(slices.Clone(c.Absent), chosen)
	return &all
}
