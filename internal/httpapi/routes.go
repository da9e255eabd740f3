package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"

	"trapline/internal/api"
)

// route is a path of the API. docs/api.md is made of the table of them. All but those that read are
// guarded: see Guard.
type route struct {
	pattern string // of http.ServeMux
	text    string // what it answers
	params  string // of the query, or the fields of a form: "name: text" each, one a line
	takes   reflect.Type
	gives   reflect.Type // of the envelope's data, or of each line
	serve   func(*API, http.ResponseWriter, *http.Request)
}

// gives returns a route that answers in an envelope.
func gives[T any](pattern, text string, query func(*API, *http.Request) (T, error)) route {
	return route{pattern: pattern, text: text, gives: reflect.TypeFor[T](), serve: func(a *API, w http.ResponseWriter, r *http.Request) {
		data, err := query(a, r)
		if err != nil {
			Refuse(w, err)
			return
		}
		write(w, http.StatusOK, &envelope{Status: "success", Data: data, Warnings: a.Warnings()})
	}}
}

// takes is a route that acts on a JSON object, or a form with the same fields.
func takes[In, Out any](pattern, text string, act func(*API, *http.Request, *In) (Out, error)) route {
	route := gives(pattern, text, func(a *API, r *http.Request) (Out, error) {
		var in In
		if err := readBody(r, &in); err != nil {
			var none Out
			return none, err
		}
		return act(a, r, &in)
	})
	route.takes = reflect.TypeFor[In]()
	return route
}

// with adds the parameters of a route.
func (r route) with(params string) route {
	r.params = params
	return r
}

var routes = slices.Concat(views, lists, clusters, questions, deliveries)

// Register adds the paths of the API, for requests that a.Admit admits.
func (a *API) Register(mux *http.ServeMux) { a.register(mux, a.Admit) }

// RegisterForMembers adds the paths for requests of other members, which have admitted them.
func (a *API) RegisterForMembers(mux *http.ServeMux) {
	a.register(mux, func(*http.Request) error { return nil })
}

func (a *API) register(mux *http.ServeMux, admit func(*http.Request) error) {
	for _, route := range routes {
		mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				if err := admit(r); err != nil {
					Refuse(w, err)
					return
				}
			}
			route.serve(a, w, r)
		})
	}
}

// maxBody is how many octets the body of a request may have.
const maxBody = 1 << 20

// readBody reads a JSON object into the fields of in, which must be known, or a form into those that are text,
// numbers or yes and no.
func readBody(r *http.Request, in any) error {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	if media != "application/json" {
		return readForm(r, in)
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(in)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return api.Errorf(api.ErrBadRequest, "the body: %v", err)
	}
	return nil
}
