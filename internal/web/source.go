package web

import (
	"context"
	"net/http"

	"trapline/internal/api"
)

// Source answers what the pages show, and does what their forms ask for. *api.API is one.
type Source interface {
	Status() api.Status
	Targets(api.TargetQuery) (api.TargetList, error)
	Target(name string) (api.Target, error)
	TableOf(api.TableQuery) (api.Table, error)
	Poll(ctx context.Context, target string) error
	Walk(ctx context.Context, target, what string, limit int, row func(api.WalkRow) error) error
	Why(ctx context.Context, target, metric, row string, live bool) (api.Why, error)

	Alarms(api.AlarmQuery) ([]api.Alarm, error)
	Alarm(id string) (api.Alarm, error)
	Resend(id string) error
	Events(api.EventQuery) ([]api.Event, error)
	Rules() ([]api.Rule, error)
	Try(context.Context, api.TryRequest) (api.Try, error)

	Receivers() ([]api.Receiver, error)
	Receiver(name string) (api.Receiver, error)
	Retry(receiver string) error
	Drop(receiver string) error
	TestReceiver(ctx context.Context, receiver string) (api.TestResult, error)

	Config(api.ConfigQuery) (api.Config, error)
	CheckConfig(text string) (api.ConfigCheck, error)
	Reload() (api.ConfigStatus, error)
	Modules() ([]api.Module, error)
	Module(name string) (api.Module, error)
	Objects(api.ObjectQuery) (api.ObjectList, error)
	Object(name string) (api.Object, error)

	// Locked returns why the sender of a request may not have anything done, or nil; Admit why this request may not.
	Locked(*http.Request) error
	Admit(*http.Request) error
}
