package client

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/conn"
	"trapline/internal/mux"
)

// Names of the room below that callers need, so that they import one package.
type (
	// Spec is which target to talk to and as whom.
	Spec = conn.Spec
	// Discovery is the answer of an SNMPv3 engine to a discovery.
	Discovery = conn.Discovery
	// Stats count the requests and bindings of one Poll.
	Stats = mux.Stats
	// Path describes the way to a target and its agent, at the end of a Poll.
	Path = mux.Path
	// Progress is notified of each answer that a target returns to the polls of a context.
	Progress = mux.Progress
	// Metrics count the messages of all polls.
	Metrics = mux.Metrics
	// Packet is a message as Options.Trace sees it.
	Packet = mux.Packet
)

// DefaultWindow is how many requests are outstanding at once per target, at most.
const DefaultWindow = mux.DefaultWindow

// NewMetrics registers the metrics with r.
func NewMetrics(r prometheus.Registerer) *Metrics { return mux.NewMetrics(r) }

// NewProgress returns a Progress that calls notify at each answer.
func NewProgress(notify func()) *Progress { return mux.NewProgress(notify) }

// WithProgress returns a context whose polls notify p.
func WithProgress(ctx context.Context, p *Progress) context.Context { return mux.WithProgress(ctx, p) }

// ProgressOf returns the Progress of a context, or nil.
func ProgressOf(ctx context.Context) *Progress { return mux.ProgressOf(ctx) }

// OutOfTime returns the *access.Error of data that are missing because ctx has ended.
func OutOfTime(ctx context.Context, op, target string) error { return mux.OutOfTime(ctx, op, target) }
