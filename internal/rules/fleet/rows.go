package fleet

import (
	"context"
	"slices"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/rules/tables"
)

const (
	maxRows  = 500             // of a request
	rowsWait = 2 * time.Second // for the answers
)

// Rows asks the other members for the rows that alarms of their targets are about. Those that nobody has are empty. An error names
// members that do not answer.
func (r *Rounds) Rows(ctx context.Context, wanted []tables.Wanted) (rows []tables.Row, err error) {
	if r.Ask == nil || len(wanted) == 0 {
		return make([]tables.Row, len(wanted)), nil
	}
	ctx, cancel := context.WithTimeout(ctx, rowsWait)
	defer cancel()
	for some := range slices.Chunk(wanted, maxRows) {
		found := make([]tables.Row, len(some))
		answers, fault := r.Ask(ctx, &Request{Rows: some})
		for _, a := range answers {
			for i, row := range a.Rows[:min(len(a.Rows), len(some))] {
				if row != nil {
					found[i] = *row
				}
			}
		}
		if rows = append(rows, found...); fault != nil {
			err = fault
		}
	}
	return rows, err
}

// Lacking is an alarm of a target that another member polls.
type Lacking struct {
	tables.Wanted
	Alarm *alarm.Alarm
	Over  bool
}

// Describe adds to alarms whatever the other members have of their rows.
func (r *Rounds) Describe(ctx context.Context, list []Lacking) error {
	wanted := make([]tables.Wanted, len(list))
	for i := range list {
		wanted[i] = list[i].Wanted
	}
	rows, err := r.Rows(ctx, wanted)
	for i := range rows {
		rows[i].Describe(list[i].Alarm, list[i].Over)
	}
	return err
}
