package httpserver

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Spool holds responses for their readers, so that what they are made of need not be kept for as long as a client
// takes to read them. Those that do not fit are streamed, few at a time.
type Spool struct {
	Memory      *Memory
	MaxResponse int64 // octets of one that is held
	Streams     *Gate
}

// Handler serves h, if gate is not nil through it. A client reads what h wrote after h has returned and left the
// gate, unless that is more than may be held.
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

// spooled is a response while it is written.
type spooled struct {
	http.ResponseWriter
	spool  *Spool
	r      *http.Request
	body   held
	client client
	code   int    // 0 means 200
	leave  func() // of the streams; nil while all is held
	err    error
}

func (s *spooled) WriteHeader(code int) {
	if s.code == 0 {
		s.code = code
	}
}

// Write holds b, or sends it when there is no room. It fails when the client is gone, and with ErrBusy when too
// many clients read responses that do not fit.
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

// stream sends what is held, and has all that follows sent at once.
func (s *spooled) stream() {
	defer s.spool.Memory.hurry()()
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

// send ends the response.
func (s *spooled) send() {
	switch {
	case s.leave != nil: // all is sent
	case errors.Is(s.err, ErrBusy):
		s.Header().Del("Content-Encoding")
		Unavailable(s.ResponseWriter, s.err.Error())
	case s.err == nil:
		if s.code != http.StatusNotModified { // whose length is that of the response it stands for
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
