package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ErrBusy is returned when no turn came in time.
var ErrBusy = errors.New("too many requests at once, try again later")

// GateOptions are the bounds of a Gate.
type GateOptions struct {
	Path    string // what is bounded, for metrics
	Running int
	Waiting int           // more are refused at once
	Wait    time.Duration // for a turn
}

// Gate lets so many requests run at once. Others wait for their turn, in the order in which they came.
type Gate struct {
	options         GateOptions
	slots           chan struct{}
	waiting         atomic.Int64
	inFlight, waits prometheus.Gauge
	refused         prometheus.Counter
}

// NewGate returns a gate with nobody inside.
func NewGate(o GateOptions, m *Metrics) *Gate {
	return &Gate{options: o, slots: make(chan struct{}, o.Running),
		inFlight: m.inFlight.WithLabelValues(o.Path), waits: m.waiting.WithLabelValues(o.Path), refused: m.refused.WithLabelValues(refusedBusy)}
}

// Enter waits for a turn, and returns what ends it, or ErrBusy, or the cause why ctx ended first.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.slots <- struct{}{}:
		return g.entered(), nil
	default:
	}
	defer g.waits.Dec()
	g.waits.Inc()
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > int64(g.options.Waiting) {
		g.refused.Inc()
		return nil, fmt.Errorf("%s: %w", g.options.Path, ErrBusy)
	}
	timer := time.NewTimer(g.options.Wait)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return g.entered(), nil
	case <-timer.C:
		err = ErrBusy
	case <-ctx.Done():
		err = errors.Join(ErrBusy, context.Cause(ctx))
	}
	g.refused.Inc()
	return nil, fmt.Errorf("%s: %w", g.options.Path, err)
}

func (g *Gate) entered() (leave func()) {
	g.inFlight.Inc()
	return func() {
		g.inFlight.Dec()
		<-g.slots
	}
}

// Handler serves h through the gate.
func (g *Gate) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave, err := g.Enter(r.Context())
		if err != nil {
			Unavailable(w, err.Error())
			return
		}
		defer leave()
		h.ServeHTTP(w, r)
	})
}
