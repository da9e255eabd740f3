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

// ErrBusy is returned when a Gate is full and the wait timed out.
var ErrBusy = errors.New("too many requests at once, try again later")

// GateOptions are the limits of a Gate.
type GateOptions struct {
	Path    string // label of its metrics
	Running int
	Waiting int           // maximum queue length; further requests are refused
	Wait    time.Duration // maximum time in the queue
}

// Gate limits the number of concurrent requests. Further requests wait in FIFO order.
type Gate struct {
	options         GateOptions
	slots           chan struct{}
	waiting         atomic.Int64
	inFlight, waits prometheus.Gauge
	refused         prometheus.Counter
}

// NewGate returns an empty gate.
func NewGate(o GateOptions, m *Metrics) *Gate {
	return &Gate{options: o, slots: make(chan struct{}, o.Running),
		inFlight: m.inFlight.WithLabelValues(o.Path), waits: m.waiting.WithLabelValues(o.Path), refused: m.refused.WithLabelValues(refusedBusy)}
}

// Enter waits for a slot and returns the function that releases it, or ErrBusy, or the cause of
// ctx.
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

// Handler returns a handler that serves h through the gate.
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
