package poller

import (
	"slices"

	"trapline/internal/access"
	"trapline/internal/reason"
	"trapline/internal/series"
)

// Rung is a condition for answers of a target.
type Rung struct {
	Step  reason.Step
	State RungState
}

// RungState is whether a condition holds.
type RungState uint8

// The states. A rung is open while one before it fails, or the first poll has not ended.
const (
	RungOpen RungState = iota
	RungHolds
	RungFails
)

// Rungs returns the conditions for answers of the target in their order, as far as its version of SNMP has them.
func (u *Summary) Rungs() []Rung {
	var failing reason.Step
	if p := u.Last; p != nil && !p.Up {
		if problems := u.Problems(); len(problems) > 0 {
			failing = problems[0].Step
		}
	} else if p != nil && slices.ContainsFunc(p.Errors, func(e *access.Error) bool { return e.Reason == access.Authorization }) {
		failing = reason.View
	}
	state := RungHolds
	if u.Last == nil {
		state = RungOpen
	}
	var list []Rung
	for _, step := range reason.Steps {
		switch {
		case !hasRung(u.Target, step):
			continue
		case step == failing:
			list = append(list, Rung{step, RungFails})
			state = RungOpen
			continue
		}
		list = append(list, Rung{step, state})
	}
	return list
}

// hasRung reports whether a target has a condition: those of users and keys are of SNMPv3.
func hasRung(t *Target, step reason.Step) bool {
	a := t.Spec.Auth
	v3 := a != nil && a.Version == 3
	switch step {
	case reason.Engine, reason.User:
		return v3
	case reason.Digest:
		return v3 && a.SecurityLevel != access.NoAuthNoPriv
	case reason.Decrypts:
		return v3 && a.SecurityLevel == access.AuthPriv
	}
	return true
}

// rungs returns a series for each condition that is known to hold, or to fail. u may be nil.
func (u *Summary) rungs() []series.Column {
	if u == nil || u.Target == nil {
		return nil
	}
	column := series.Column{Desc: descRung, Table: &series.Table{}}
	for _, r := range u.Rungs() {
		if r.State == RungOpen {
			continue
		}
		column.Table.Labels = series.AppendLabel(column.Table.Labels, len(column.Table.Labels), "rung", []byte(r.Step))
		column.Table.AddRow()
		value := 0.0
		if r.State == RungHolds {
			value = 1
		}
		column.Values = append(column.Values, value)
	}
	if column.Len() == 0 {
		return nil
	}
	return []series.Column{column}
}
