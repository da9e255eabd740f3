package web

import (
	"context"

	"trapline/internal/api"
)

// Source answers what the pages show. *api.API is one.
type Source interface {
	Status() api.Status
	Targets(api.TargetQuery) (api.TargetList, error)
	Target(name string) (api.Target, error)
}

// tables gives the tables of a target.
type tables interface {
	Table(target, table string) (api.Table, error)
}

// asker sends requests to devices.
type asker interface {
	Poll(ctx context.Context, target string) error
	Walk(ctx context.Context, target, what string, limit int, row func(api.WalkRow) error) error
	Why(ctx context.Context, target, metric, row string, live bool) (api.Why, error)
}

// alarms gives the active alarms and the journal.
type alarms interface {
	Alarms(api.AlarmQuery) ([]api.Alarm, error)
	Alarm(id string) (api.Alarm, error)
	Events(api.EventQuery) ([]api.Event, error)
}

// abilities says which pages and actions a source has answers for.
func abilities(source Source) map[string]bool {
	can := map[string]bool{"o": true, "t": true}
	_, can["ask"] = source.(asker)
	_, can["a"] = source.(alarms)
	return can
}
