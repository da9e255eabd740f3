package httpapi

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"trapline/internal/api"
	"trapline/internal/httpserver"
)

// serveEvents answers with events, or streams them.
func (a *API) serveEvents(w http.ResponseWriter, r *http.Request) {
	serveJournal(a, w, r, a.Console.Events)
}

// serveHistory answers with a page of the journal, or streams it.
func (a *API) serveHistory(w http.ResponseWriter, r *http.Request) {
	serveJournal(a, w, r, a.Console.History)
}

func serveJournal[T any](a *API, w http.ResponseWriter, r *http.Request, read func(api.EventQuery) (T, error)) {
	q, err := eventQuery(r)
	if err == nil && r.FormValue("follow") != "" {
		if err = a.stream(w, r, q); err == nil {
			return
		}
	}
	var answer T
	if err == nil {
		answer, err = read(q)
	}
	if err != nil {
		Refuse(w, err)
		return
	}
	write(w, http.StatusOK, &envelope{Status: "success", Data: answer, Warnings: a.Warnings()})
}

// stream writes events as lines of JSON until the client goes. It returns an error only if nothing was written.
func (a *API) stream(w http.ResponseWriter, r *http.Request, q api.EventQuery) error {
	leave, err := a.Console.Subscribe()
	if err != nil {
		return err
	}
	defer leave()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	out := httpserver.Stream(w)
	if _, err := out.Write(nil); err != nil { // the client learns at once that it is answered
		return nil
	}
	lines := json.NewEncoder(out)
	_ = a.Console.Follow(r.Context(), q, func(e api.Event) error { return lines.Encode(e) }) // the client has gone
	return nil
}

// serveWalk streams a walk.
func (a *API) serveWalk(w http.ResponseWriter, r *http.Request) {
	var in api.WalkRequest
	err := readBody(r, &in)
	switch {
	case err != nil:
	case in.Format == "snmprec":
		err = a.streamRecording(w, r, &in)
	default:
		err = a.streamRows(w, r, &in)
	}
	if err != nil {
		Refuse(w, err)
	}
}

// streamRows writes a row a line. An error is returned only if nothing was written.
func (a *API) streamRows(w http.ResponseWriter, r *http.Request, in *api.WalkRequest) error {
	out := newStream(w, "application/x-ndjson")
	lines := json.NewEncoder(out)
	rows := 0
	err := a.Fleet.Walk(r.Context(), r.PathValue("name"), in.What, in.Limit, func(row api.WalkRow) error {
		rows++
		return errors.Join(lines.Encode(row), out.pace())
	})
	if err != nil && rows == 0 {
		return err
	}
	last := envelope{Status: "success"}
	if err != nil {
		last = failure(err)
	}
	_ = lines.Encode(&last) // the client has gone
	_ = out.Flush()
	return nil
}

// streamRecording writes a recording. One that breaks off is cut off, so that it is not taken for a whole one.
func (a *API) streamRecording(w http.ResponseWriter, r *http.Request, in *api.WalkRequest) error {
	out := newStream(w, "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="walk.snmprec"`)
	err := a.Fleet.Record(r.Context(), r.PathValue("name"), in.What, in.Limit, out)
	if err != nil && out.sent {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		w.Header().Del("Content-Disposition")
		return err
	}
	_ = out.Flush()
	return nil
}

// stream is a writer that flushes after streamPace at the latest.
type stream struct {
	*bufio.Writer
	response http.ResponseWriter
	sent     bool
	last     time.Time
}

// streamPace is how long a line may wait for others.
const streamPace = 200 * time.Millisecond

func newStream(w http.ResponseWriter, contentType string) *stream {
	w.Header().Set("Content-Type", contentType)
	s := &stream{response: w}
	s.Writer = bufio.NewWriterSize(sender{to: s}, 16<<10)
	return s
}

// pace flushes if the last time is long enough ago.
func (s *stream) pace() error {
	if time.Since(s.last) < streamPace {
		return nil
	}
	return s.Flush()
}

// sender is the writer below the buffer of a stream.
type sender struct{ to *stream }

func (s sender) Write(b []byte) (int, error) {
	s.to.sent, s.to.last = true, time.Now()
	n, err := s.to.response.Write(b)
	_ = http.NewResponseController(s.to.response).Flush() // if it cannot, it is sent at the end
	return n, err
}
