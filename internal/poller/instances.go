package poller

import (
	"context"
	"errors"
	"slices"
	"sync"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// instances is a session that gets the instances of all modules of a poll together, with the first module that wants any,
// and each only once: most modules want few, and each message has room for dozens.
type instances struct {
	session collector.Session
	all     []snmp.OID // of all modules; nil once they have been asked for

	mu     sync.Mutex
	got    map[string]snmp.VarBind // by name
	failed map[string]*access.Error
}

// together returns a session that gets the instances of modules together. Those of modules with other parameters of
// requests than the first one's are got by themselves.
func together(s collector.Session, t *Target, modules []*collector.Module) *instances {
	a := &instances{session: s, got: map[string]snmp.VarBind{}, failed: map[string]*access.Error{}}
	seen := map[string]bool{}
	for _, m := range modules {
		if *effectiveParams(t, m) != *effectiveParams(t, modules[0]) {
			continue
		}
		for _, name := range m.Plan.Get {
			if !seen[string(name)] {
				seen[string(name)] = true
				a.all = append(a.all, name)
			}
		}
	}
	return a
}

func effectiveParams(t *Target, m *collector.Module) *client.Params {
	if p := t.ParamsOf(m); p != nil {
		return p
	}
	return &m.Plan.Params
}

// Poll yields the instances that were got already, and polls the rest.
func (a *instances) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	if len(p.Get) == 0 {
		return a.session.Poll(ctx, p, yield)
	}
	plan := *p
	rest, known := a.known(p.Get, yield)
	if plan.Get = a.withOthers(rest); len(plan.Get)+len(p.Next)+len(p.Walk)+len(p.Columns) == 0 {
		return client.Stats{}, errors.Join(known...)
	}
	own := map[string]bool{} // by the names that are asked for
	for i, name := range plan.Get {
		own[string(name)] = i < len(rest)
	}
	stats, err := a.session.Poll(ctx, &plan, func(v snmp.VarBind) {
		mine, got := own[string(v.Name)]
		if got {
			a.keep(v)
		}
		if mine || !got {
			yield(v)
		}
	})
	return stats, a.ownErrors(err, own, known)
}

// known yields those of names that were got. It returns those that were not asked for, and the errors of others.
func (a *instances) known(names []snmp.OID, yield func(snmp.VarBind)) (rest []snmp.OID, errs []error) {
	a.mu.Lock()
	var got []snmp.VarBind
	for _, name := range names {
		if v, found := a.got[string(name)]; found {
			got = append(got, v)
		} else if e := a.failed[string(name)]; e != nil {
			errs = append(errs, e)
		} else {
			rest = append(rest, name)
		}
	}
	a.mu.Unlock()
	for _, v := range got {
		yield(v)
	}
	return rest, errs
}

// withOthers adds the instances of all modules to those of one, the first time.
func (a *instances) withOthers(names []snmp.OID) []snmp.OID {
	if len(names) == 0 {
		return nil
	}
	a.mu.Lock()
	others := a.all
	a.all = nil
	a.mu.Unlock()
	all := slices.Clone(names)
	for _, name := range others {
		if !slices.ContainsFunc(names, func(own snmp.OID) bool { return own.Compare(name) == 0 }) {
			all = append(all, name)
		}
	}
	return all
}

// keep keeps a copy: the bytes of v are borrowed.
func (a *instances) keep(v snmp.VarBind) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got[string(v.Name)] = snmp.VarBind{Name: slices.Clone(v.Name), Type: v.Type, Value: slices.Clone(v.Value)}
}

// ownErrors returns the errors of a poll and those that were known, without those of instances of other modules: they are
// for these modules.
func (a *instances) ownErrors(err error, own map[string]bool, known []error) error {
	if err == nil {
		return errors.Join(known...)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	list, kept := access.Errors(err), known
	for _, e := range list {
		mine, asked := own[string(e.OID)]
		if asked && !e.TargetFailed() {
			a.failed[string(e.OID)] = e
		}
		if !asked || mine || e.TargetFailed() {
			kept = append(kept, e)
		}
	}
	if len(kept) == len(list) && len(known) == 0 {
		return err
	}
	return errors.Join(kept...)
}
