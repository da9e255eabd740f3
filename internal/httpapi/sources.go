package httpapi

import (
	"context"
	"io"

	"trapline/internal/alerting"
	"trapline/internal/api"
)

// Fleet answers for targets. *fleet.Fleet is one.
type Fleet interface {
	Targets(api.TargetQuery) (api.TargetList, error)
	Target(name string) (api.Target, error)
	HasTarget(name string) bool
	NoTarget(name string) error
	TableOf(api.TableQuery) (api.Table, error)
	Poll(ctx context.Context, target string) error
	Walk(ctx context.Context, target, subtree string, limit int, row func(api.WalkRow) error) error
	Record(ctx context.Context, target, subtree string, limit int, w io.Writer) error
	Try(context.Context, api.TryRequest) (api.Try, error)
	StoreVersion() string // "" if that is not known
}

// Console answers for alarms, rules and receivers. *alerting.Console is one.
type Console interface {
	OpenAlarms() *alerting.OpenAlarms
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
	Subscribe() (leave func(), err error)
	Follow(ctx context.Context, q api.EventQuery, event func(api.Event) error) error

	Rules() ([]api.Rule, error)
	Receivers() ([]api.Receiver, error)
	Receiver(name string) (api.Receiver, error)
	Retry(receiver string) error
	Drop(receiver string) error
	TestReceiver(ctx context.Context, receiver string) (api.TestResult, error)
}

// Explainer finds out why a metric is missing. *explain.Explainer is one.
type Explainer interface {
	Why(ctx context.Context, target, metric, row string, live bool) (api.Why, error)
}
