package httpserver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Intake reads bodies before they are worked on, so that clients that are slow to send hold up no others.
type Intake struct {
	Memory  *Memory
	MaxBody int64
}

// largeBody is what a body has to be larger than to go through the second gate.
const largeBody = 256 << 10

// Handler serves h through a gate, with all of the body at hand. Large bodies have a gate of their own, since what is
// made of them takes as much memory.
func (i *Intake) Handler(small, large *Gate, h http.Handler) http.Handler {
	handlers := map[bool]http.Handler{false: small.Handler(h), true: large.Handler(h)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > i.MaxBody {
			i.tooLarge(w)
			return
		}
		body := &held{memory: i.Memory, max: i.MaxBody + 1}
		defer body.dropAll()
		_, err := io.CopyBuffer(holder{body}, struct{ io.Reader }{io.LimitReader(r.Body, i.MaxBody+1)}, make([]byte, 16<<10))
		switch {
		case errors.Is(err, ErrBusy):
			Unavailable(w, err.Error())
		case err != nil:
			http.Error(w, fmt.Sprintf("the body did not arrive: %v", err), http.StatusBadRequest)
		case body.size > i.MaxBody:
			i.tooLarge(w)
		default:
			r.Body = io.NopCloser(body)
			handlers[body.size > largeBody].ServeHTTP(w, r)
		}
	})
}

func (i *Intake) tooLarge(w http.ResponseWriter) {
	http.Error(w, fmt.Sprintf("the body is larger than %d octets: send less at a time", i.MaxBody), http.StatusRequestEntityTooLarge)
}

type holder struct{ body *held }

func (h holder) Write(b []byte) (n int, err error) {
	for n < len(b) {
		m := h.body.hold(b[n:])
		if m == 0 {
			return n, fmt.Errorf("request bodies: %w", ErrBusy)
		}
		n += m
	}
	return n, nil
}
