package web

import (
	"context"
	"net/http"

	"trapline/internal/api"
)

// Source answers the queries of pages and acts on their forms.
type Source struct {
	Process   Process
	Fleet     Fleet
	Console   Console
	Catalog   Catalog
	Explainer Explainer
	Traps     Traps                                      // nil means that none are received
	Lists     Lists                                      // of targets; nil means that there are none
	Cluster   func(context.Context) (api.Cluster, error) // nil means that there is none
}

// Process answers for the process and its configuration. *httpapi.API is one.
type Process interface {
	Status() api.Status
	Config(api.ConfigQuery) (api.Config, error)
	CheckConfig(text string) (api.ConfigCheck, error)
	Reload() (api.ConfigStatus, error)

	// Locked returns why the sender of a request may not act, or nil; Admit why this request may not.
	Locked(*http.Request) error
	Admit(*http.Request) error
}

// Fleet answers for targets. *fleet.Fleet is one.
type Fleet interface {
	Targets(api.TargetQuery) (api.TargetList, error)
	Target(name string) (api.Target, error)
	HasTarget(name string) bool
	TableOf(api.TableQuery) (api.Table, error)
	Poll(ctx context.Context, target string) error
	Walk(ctx context.Context, target, what string, limit int, row func(api.WalkRow) error) error
	Try(context.Context, api.TryRequest) (api.Try, error)
}

// Console answers for alarms, rules and receivers. *alerting.Console is one.
type Console interface {
	Alarms(api.AlarmQuery) ([]api.Alarm, error)
	Alarm(id string) (api.Alarm, error)
	Resend(id string) error
	Acknowledge(id string, ack api.Ack) error
	Unacknowledge(id string) error
	Clear(id string, by api.Clear) error

	Silences(api.SilenceQuery) (api.SilenceList, error)
	Matched(api.NewSilence) ([]api.Alarm, error)
	Silence(api.NewSilence) (id string, err error)
	Expire(id string) error
	Windows(limit int) (api.WindowList, error)

	Events(api.EventQuery) ([]api.Event, error)
	History(api.EventQuery) (api.History, error)
	Rules() ([]api.Rule, error)

	Receivers() ([]api.Receiver, error)
	Receiver(name string) (api.Receiver, error)
	Retry(receiver string) error
	Drop(receiver string) error
	TestReceiver(ctx context.Context, receiver string) (api.TestResult, error)
}

// Catalog answers for modules and MIBs. *catalog.Catalog is one.
type Catalog interface {
	Modules(api.ModuleQuery) (list []api.Module, matched int, err error)
	Module(name string) (api.Module, error)
	Objects(api.ObjectQuery) (api.ObjectList, error)
	Object(name string) (api.Object, error)
}

// Explainer finds out why a metric is missing. *explain.Explainer is one.
type Explainer interface {
	Why(ctx context.Context, target, metric, row string, live bool) (api.Why, error)
}

// Lists answers for lists of targets. *httpapi.API is one.
type Lists interface {
	Lists() []api.List
	AcceptList(name string) error
}

// Traps answers for received traps. *listen.Listener is one.
type Traps interface {
	Received(limit int) api.Received
}
