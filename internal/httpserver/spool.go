package httpserver

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Spool buffers responses, so that their sources can be released before slow clients have read
// them. Responses that do not fit are streamed, a few at a time.
type Spool struct {
	Memory      *Memory
	MaxResponse int64 // maximum size of a buffered response in octets
	Streams     *Gate
}

// Handler returns a handler that serves h, through gate unless it is nil. The response is sent
// after h has returned and left the gate, unless it exceeds the buffer.
func (s *Spool) Handler(gate *Gate, h http.Handler) http.Handler {
	if gate != nil {
		h = gate.Handler(h)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &spooled{ResponseWriter: w, spool: s, r: r, body: held{memory: s.Memory, max: s.MaxResponse}}
		out.client.cut = func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)) }
		s.Memory.enter(&out.client)
		defer out.close()
		h.ServeHTTP(out, r)
		out.send()
	})
}

// spooled is a response being written.
type spooled struct {
	http.ResponseWriter
	spool  *Spool
	r      *http.Request
	body   held
	client client
	code   int    // 0 means 200
	leave  func() // leaves Streams; nil while all is buffered
	err    error
}

func (s *spooled) WriteHeader(code int) {
	if s.code == 0 {
		s.code = code
	}
}

// Write buffers b, or sends it if the buffer is full. It returns an error if the client has
// disconnected, and ErrBusy if too many clients read responses that do not fit.
func (s *spooled) Write(b []byte) (n int, err error) {
	for n < len(b) && s.err == nil && s.leave == nil {
		m := s.body.hold(b[n:])
		if n += m; m > 0 {
			continue
		}
		if s.body.size >= s.body.max || !s.body.await(s.r.Context()) {
			s.stream()
		}
	}
	if n < len(b) && s.err == nil {
		n += s.pass(b[n:])
	}
	return n, s.err
}

// pass writes to the client.
func (s *spooled) pass(b []byte) (n int) {
	s.client.wait()
	defer s.client.moved()
	n, s.err = s.ResponseWriter.Write(b)
	return n
}

// stream sends the buffer and switches to unbuffered writes.
func (s *spooled) stream() {
	defer s.spool.Memory.startCutting()()
	if s.leave, s.err = s.spool.Streams.Enter(s.r.Context()); s.err == nil {
		s.flush()
	}
}

func (s *spooled) flush() {
	s.ResponseWriter.WriteHeader(max(s.code, http.StatusOK))
	for rest := s.body.next(); rest != nil && s.err == nil; rest = s.body.next() {
		s.body.read += s.pass(rest)
	}
}

// send completes the response.
func (s *spooled) send() {
	switch {
	case s.leave != nil: // already sent
	case errors.Is(s.err, ErrBusy):
		s.Header().Del("Content-Encoding")
		Unavailable(s.ResponseWriter, s.err.Error())
	case s.err == nil:
		if s.code != http.StatusNotModified { // a 304 has the length of the full response
			s.Header().Set("Content-Length", strconv.FormatInt(s.body.size, 10))
		}
		s.flush()
	}
}

func (s *spooled) close() {
	s.spool.Memory.leave(&s.client)
	s.body.dropAll()
	if s.leave != nil {
		s.leave()
	}
}
