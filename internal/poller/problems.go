package poller

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/reason"
	"trapline/internal/snmp"
)

// maxWords bounds how many failures of one poll are put into words.
const maxWords = 100

// Problems returns the failures of the last poll in words, those of the whole target first.
func (u *Summary) Problems() []reason.Words {
	p := u.Last
	if p == nil {
		return nil
	}
	var list []reason.Words
	seen := map[string]bool{}
	add := func(f reason.Facts) {
		key := string(f.Reason) + "\x00" + f.Table
		if len(list) < maxWords && !seen[key] {
			seen[key] = true
			list = append(list, reason.Of(&f))
		}
	}
	errs := slices.Clone(p.Errors)
	slices.SortStableFunc(errs, func(a, b *access.Error) int { return btoi(b.TargetFailed()) - btoi(a.TargetFailed()) })
	for _, e := range errs {
		add(u.facts(e))
	}
	for _, oid := range p.doubled() {
		add(u.facts(&access.Error{Reason: access.Duplicate, OID: oid}))
	}
	if len(p.Errors) == 0 && p.Err != nil {
		add(u.facts(&access.Error{Reason: access.Malformed, Err: p.Err}))
	}
	return list
}

// Words returns the error of requests outside of polls in words; took is a pass with nothing but their
// cost. Of several errors it is the first of the whole target, else the first.
func (u *Summary) Words(err error, took Pass) reason.Words {
	asked := *u
	asked.Last = &took
	errs := access.Errors(err)
	if len(errs) == 0 {
		errs = []*access.Error{{Reason: access.Malformed, Err: err}}
	}
	worst := errs[0]
	if i := slices.IndexFunc(errs, (*access.Error).TargetFailed); i >= 0 {
		worst = errs[i]
	}
	took.Up = !worst.TargetFailed()
	f := asked.facts(worst)
	return reason.Of(&f)
}

// facts returns the facts on an error of the last poll.
func (u *Summary) facts(e *access.Error) reason.Facts {
	t, p := u.Target, u.Last
	f := reason.Facts{
		Reason: e.Reason, Part: !e.TargetFailed() && p.Up, Target: t.Name, Address: t.Spec.Address, Host: t.Spec.Address, Port: "161", Auth: t.AuthName,
		Context: t.Spec.Context, Requests: p.Stats.Packets, Took: p.Duration, Interval: t.Interval,
		Timeout: cmp.Or(t.EffectiveParams().Timeout.Duration, client.DefaultTimeout), Arrived: p.Arrived, Columns: p.Asked, Dropped: e.Dropped,
		Discovered: e.Discovered || slices.ContainsFunc(p.Errors, func(e *access.Error) bool { return e.Discovered }),
	}
	if a, err := access.ParseAddress(t.Spec.Address); err == nil {
		f.Host, f.Port = a.Host, strconv.Itoa(int(a.Port))
	}
	if a := t.Spec.Auth; a != nil {
		f.User, f.Level, f.Context = a.Username, a.SecurityLevel, cmp.Or(f.Context, a.ContextName)
	}
	if e.Err != nil {
		f.Detail = e.Err.Error()
	}
	if e.OID == nil || !p.Up || e.Reason == access.Deadline || e.Reason == access.Late {
		return f // which speak of all that was asked for
	}
	f.Table = p.nameOf(e.OID)
	if len(e.Last) > len(e.OID) && e.Last.HasPrefix(e.OID) {
		f.Row = string(snmp.AppendIndexText(nil, e.Last[len(e.OID):]))
	}
	return f
}

// nameOf returns the name of the metric that is made of an object, or else the object in numbers.
func (p *Pass) nameOf(oid snmp.OID) string {
	for _, m := range p.Modules {
		if name := m.NameOf(oid); name != "" {
			return name
		}
	}
	return oid.String()
}

// Failures returns why series are missing: the problems of the target, the errors of its modules, and duplicates.
func (p *Pass) Failures() []error {
	errs := slices.Clone(p.Problems)
	if joined, ok := p.Err.(interface{ Unwrap() []error }); ok {
		errs = append(errs, joined.Unwrap()...)
	} else if p.Err != nil {
		errs = append(errs, p.Err)
	}
	for _, d := range p.Duplicates {
		errs = append(errs, fmt.Errorf("collected metric %q { %s } was collected before with the same name and label values", d.Name, d.Labels))
	}
	return errs
}
