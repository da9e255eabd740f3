package httpserver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Intake reads request bodies before a slot is taken, so that slow clients do not block others.
type Intake struct {
	Memory  *Memory
	MaxBody int64
}

// largeBody is the body size above which the second gate is used.
const largeBody = 256 << 10

// Handler returns a handler that reads the whole body and then serves h through a gate. Large
// bodies have their own gate, because parsing one takes memory in proportion.
func (i *Intake) Handler(small, large *Gate, h http.Handler) http.Handler {
	handlers := map[bool]http.Handler{false: small.Handler(h), true: large.Handler(h)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			handlers[false].ServeHTTP(w, r)
			return
		}
		if r.ContentLength > i.MaxBody {
			i.tooLarge(w)
			return
		}
		in := &incoming{r: r, body: held{memory: i.Memory, max: i.MaxBody + 1}}
		in.client.cut = func() { _ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) }
		i.Memory.enter(&in.client)
		defer in.body.dropAll()
		err := in.read()
		i.Memory.leave(&in.client)
		switch {
		case errors.Is(err, ErrBusy):
			Unavailable(w, err.Error())
		case err != nil:
			http.Error(w, fmt.Sprintf("the body did not arrive: %v", err), http.StatusBadRequest)
		case in.body.size > i.MaxBody:
			i.tooLarge(w)
		default:
			r.Body = io.NopCloser(&in.body)
			handlers[in.body.size > largeBody].ServeHTTP(w, r)
		}
	})
}

func (i *Intake) tooLarge(w http.ResponseWriter) {
	http.Error(w, fmt.Sprintf("the body is larger than %d octets: send less at a time", i.MaxBody), http.StatusRequestEntityTooLarge)
}

// incoming is a body being received.
type incoming struct {
	r      *http.Request
	body   held
	client client
}

func (in *incoming) read() error {
	buffer := make([]byte, 16<<10)
	for in.body.size < in.body.max {
		in.client.wait()
		n, err := in.r.Body.Read(buffer[:min(int64(len(buffer)), in.body.max-in.body.size)])
		in.client.moved()
		if err := in.hold(buffer[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (in *incoming) hold(b []byte) error {
	for len(b) > 0 {
		n := in.body.hold(b)
		if n == 0 && !in.body.await(in.r.Context()) {
			return fmt.Errorf("request bodies: %w", ErrBusy)
		}
		b = b[n:]
	}
	return nil
}
