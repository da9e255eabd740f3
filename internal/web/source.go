package web

import (
	"context"
	"net/http"

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
}

// explainer says why a metric is missing.
type explainer interface {
	Why(ctx context.Context, target, metric, row string, live bool) (api.Why, error)
}

// alarms gives the active alarms and the journal.
type alarms interface {
	Alarms(api.AlarmQuery) ([]api.Alarm, error)
	Alarm(id string) (api.Alarm, error)
	Events(api.EventQuery) ([]api.Event, error)
}

// settings gives the configuration.
type settings interface {
	Config(api.ConfigQuery) (api.Config, error)
	CheckConfig(text string) (api.ConfigCheck, error)
	Reload() (api.ConfigStatus, error)
}

// catalog gives what can be read.
type catalog interface {
	Modules() ([]api.Module, error)
	Module(name string) (api.Module, error)
	Objects(api.ObjectQuery) (api.ObjectList, error)
	Object(name string) (api.Object, error)
}

// guard decides who may have something done.
type guard interface {
	Locked(*http.Request) error
	Admit(*http.Request) error
}

// abilities finds what a source has answers for, by the key of the page.
func (s *Site) abilities() {
	var ask, a bool
	s.asks, ask = s.source.(asker)
	_, a = s.source.(alarms)
	s.settings, _ = s.source.(settings)
	s.catalog, _ = s.source.(catalog)
	s.guard, _ = s.source.(guard)
	s.explains, _ = s.source.(explainer)
	s.can = map[string]bool{"o": true, "t": true, "a": a, "ask": ask, "why": s.explains != nil, "c": s.settings != nil, "m": s.catalog != nil, "d": s.catalog != nil}
}
