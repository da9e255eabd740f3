package api

import (
	"encoding/json"
	"errors"
	"net/http"
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

// Hinted is an error with what to do.
type Hinted struct {
	Err  error
	Hint string
}

func (e *Hinted) Error() string { return e.Err.Error() }

func (e *Hinted) Unwrap() error { return e.Err }

// kinds are the statuses and types of errors.
var kinds = []struct {
	err    error
	status int
	name   string
}{
	{ErrNotFound, http.StatusNotFound, "not_found"},
	{ErrBadRequest, http.StatusBadRequest, "bad_data"},
	{ErrBusy, http.StatusConflict, "busy"},
	{ErrLocked, http.StatusForbidden, "forbidden"},
	{ErrUnavailable, http.StatusServiceUnavailable, "unavailable"},
}

// HTTPStatus returns the HTTP status of an error of a query.
func HTTPStatus(err error) int {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.status
		}
	}
	return http.StatusInternalServerError
}

func refuse(w http.ResponseWriter, err error) {
	e := envelope{Status: "error", ErrorType: "internal", Error: err.Error()}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			e.ErrorType = k.name
			break
		}
	}
	var hinted *Hinted
	if errors.As(err, &hinted) {
		e.Hint = hinted.Hint
	}
	write(w, HTTPStatus(err), &e)
}

func write(w http.ResponseWriter, status int, e *envelope) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e) // the client has gone
}
