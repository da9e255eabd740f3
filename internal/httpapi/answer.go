package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"trapline/internal/api"
)

// envelope is the form of every answer, as Prometheus' HTTP API has it.
type envelope struct {
	Status    string   `json:"status"` // success, error
	Data      any      `json:"data,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
	ErrorType string   `json:"errorType,omitempty"`
	Error     string   `json:"error,omitempty"`
	Hint      string   `json:"hint,omitempty"` // what to do
}

// Refuse answers a request with an error.
func Refuse(w http.ResponseWriter, err error) {
	e := failure(err)
	w.Header().Del("ETag") // of the answer that there is none of
	write(w, api.HTTPStatus(err), &e)
}

// failure is the envelope of an error.
func failure(err error) envelope {
	e := envelope{Status: "error", ErrorType: "internal", Error: err.Error()}
	for _, k := range api.ErrorKinds {
		if errors.Is(err, k.Err) {
			e.ErrorType = k.Name
			break
		}
	}
	var hinted *api.Hinted
	if errors.As(err, &hinted) {
		e.Hint = hinted.Hint
	}
	return e
}

func write(w http.ResponseWriter, status int, e *envelope) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e) // the client has gone
}
