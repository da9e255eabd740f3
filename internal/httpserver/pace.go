package httpserver

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// The limits of a slow client: a piece must be transferred within stallTimeout, and the whole at
// leastRate once patience has elapsed.
const (
	stallTimeout = 10 * time.Second
	patience     = 30 * time.Second
	leastRate    = 64 << 10 // octets per second
	piece        = 64 << 10
)

// pace is the progress of one direction of a request.
type pace struct {
	begun time.Time
	moved int64
}

// deadline returns the deadline for the next piece.
func (p *pace) deadline(now time.Time) time.Time {
	if p.begun.IsZero() {
		p.begun = now
	}
	end := p.begun.Add(patience + time.Duration(float64(p.moved)/leastRate*float64(time.Second)))
	if stalled := now.Add(stallTimeout); stalled.Before(end) {
		return stalled
	}
	return end
}

// paced disconnects clients that make no progress. It does not limit the time of h between reads
// and writes.
func paced(h http.Handler, m *Metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		out := &pacedWriter{ResponseWriter: w, control: control, metrics: m}
		_ = control.SetWriteDeadline(time.Time{})
		var read time.Time
		if r.Body != nil && r.Body != http.NoBody {
			r = r.WithContext(r.Context()) // keep the server's own request unchanged
			r.Body = &pacedBody{ReadCloser: r.Body, control: control}
			read = time.Now().Add(stallTimeout) // the server drains the part that the handler does not read
		}
		_ = control.SetReadDeadline(read)
		h.ServeHTTP(out, r)
		// The deadline for the server's own buffers.
		_ = control.SetWriteDeadline(out.pace.deadline(time.Now()))
	})
}

type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	metrics *Metrics
	pace    pace
	failed  bool
}

// Unwrap implements the interface of http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *pacedWriter) Write(b []byte) (n int, err error) {
	for first := true; first || len(b) > 0; first = false {
		_ = w.control.SetWriteDeadline(w.pace.deadline(time.Now()))
		m, err := w.ResponseWriter.Write(b[:min(len(b), piece)])
		n += m
		w.pace.moved += int64(m)
		if err != nil {
			w.note(err)
			return n, err
		}
		b = b[m:]
	}
	return n, nil
}

// note counts a disconnected client once.
func (w *pacedWriter) note(err error) {
	if !w.failed && errors.Is(err, os.ErrDeadlineExceeded) {
		w.metrics.cut.Inc()
	}
	w.failed = true
}

type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	pace    pace
}

func (b *pacedBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(b.pace.deadline(time.Now()))
	n, err := b.ReadCloser.Read(p)
	b.pace.moved += int64(n)
	if errors.Is(err, io.EOF) {
		// The server keeps reading to detect a disconnect.
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
