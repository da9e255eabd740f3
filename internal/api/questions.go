package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"time"
)

// WalkRequest is what to walk.
type WalkRequest struct {
	What   string `json:"what"`   // a name in a MIB or an OID; empty means mib-2
	Limit  int    `json:"limit"`  // rows; 0 means MaxWalk
	Format string `json:"format"` // ndjson, also where it is empty, or snmprec
}

// WhyRequest is what to explain.
type WhyRequest struct {
	Metric string `json:"metric"` // or the name of its object, or the OID
	Row    string `json:"row"`    // label=value, several with commas between them, or the index; empty means all
}

// nothing is the body of requests that need none.
type nothing struct{}

var questions = []route{
	takes("POST /api/v1/targets/{name}/poll", "Polls a target at once, joining a poll that runs, and gives what is known when it has ended.",
		func(a *API, r *http.Request, _ *nothing) (Target, error) {
			if err := a.Poll(r.Context(), r.PathValue("name")); err != nil {
				return Target{}, err
			}
			return a.Target(r.PathValue("name"))
		}),
	{pattern: "POST /api/v1/targets/{name}/walk", text: "Walks a subtree of a target: NDJSON, a row a line, as they arrive; the last line is an envelope that says whether the walk is whole. One at a time for each target, four in all.",
		takes: reflect.TypeFor[WalkRequest](), gives: reflect.TypeFor[WalkRow](), serve: (*API).serveWalk},
	gives("GET /api/v1/targets/{name}/why", "Why a metric of a target, or one row of it, is there or is not, by the last poll; without a metric, what is missing.",
		func(a *API, r *http.Request) (Why, error) {
			return a.Why(r.Context(), r.PathValue("name"), r.FormValue("metric"), r.FormValue("row"), false)
		}).with("metric: its name, or that of its object, or the OID\nrow: label=value, several with commas between them, or the index"),
	takes("POST /api/v1/targets/{name}/why", "The same, by one question to the device.",
		func(a *API, r *http.Request, in *WhyRequest) (Why, error) {
			return a.Why(r.Context(), r.PathValue("name"), in.Metric, in.Row, true)
		}),
	takes("POST /api/v1/rules/try", "Evaluates an expression as a rule would be, on the last polls and on the samples that rules look back at. Nothing is raised.",
		func(a *API, r *http.Request, in *TryRequest) (Try, error) { return a.Try(r.Context(), *in) }),
	gives("GET /api/v1/config", "The running configuration, without secrets.", func(a *API, r *http.Request) (Config, error) {
		return a.Config(ConfigQuery{View: r.FormValue("view"), Target: r.FormValue("target")})
	}).with("view: written (as the files were when they were loaded), defaults or target\ntarget: of the view target"),
	gives("GET /api/v1/modules", "The modules of the configuration and those that ship, those in use first.",
		func(a *API, _ *http.Request) ([]Module, error) { return a.Modules() }),
	gives("GET /api/v1/modules/{name}", "One module, with its metrics.",
		func(a *API, r *http.Request) (Module, error) { return a.Module(r.PathValue("name")) }),
	gives("GET /api/v1/mibs", "Objects of MIBs that match a query; without one, the MIBs.", func(a *API, r *http.Request) (ObjectList, error) {
		q, err := objectQuery(r)
		if err != nil {
			return ObjectList{}, err
		}
		return a.Objects(q)
	}).with("q: words in name, OID and description\nlimit: objects; 100 unless it is given, 1000 at most"),
	gives("GET /api/v1/mibs/{name}", "One object by its name or OID, or a MIB by its name, with what lies below.",
		func(a *API, r *http.Request) (Object, error) { return a.Object(r.PathValue("name")) }),
	takes("POST /api/v1/config/check", "Reads a configuration as a reload does, and changes nothing.",
		func(a *API, _ *http.Request, in *CheckRequest) (ConfigCheck, error) { return a.CheckConfig(in.Text) }),
	takes("POST /api/v1/config/reload", "Reads the configuration again. If there is an error in it, the running one goes on.",
		func(a *API, _ *http.Request, _ *nothing) (ConfigStatus, error) { return a.Reload() }),
}

// serveWalk streams a walk.
func (a *API) serveWalk(w http.ResponseWriter, r *http.Request) {
	var in WalkRequest
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
func (a *API) streamRows(w http.ResponseWriter, r *http.Request, in *WalkRequest) error {
	out := newStream(w, "application/x-ndjson")
	lines := json.NewEncoder(out)
	rows := 0
	err := a.Walk(r.Context(), r.PathValue("name"), in.What, in.Limit, func(row WalkRow) error {
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
func (a *API) streamRecording(w http.ResponseWriter, r *http.Request, in *WalkRequest) error {
	out := newStream(w, "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="walk.snmprec"`)
	err := a.Record(r.Context(), r.PathValue("name"), in.What, in.Limit, out)
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

// stream sends what is written before much time has gone by.
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

// pace sends what waits, if the last time is long enough ago.
func (s *stream) pace() error {
	if time.Since(s.last) < streamPace {
		return nil
	}
	return s.Flush()
}

// sender is what a stream writes to.
type sender struct{ to *stream }

func (s sender) Write(b []byte) (int, error) {
	s.to.sent, s.to.last = true, time.Now()
	n, err := s.to.response.Write(b)
	_ = http.NewResponseController(s.to.response).Flush() // if it cannot, it is sent at the end
	return n, err
}
