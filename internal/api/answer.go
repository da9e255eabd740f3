package api

import (
	"encoding/json"
	"errors"
	"fmt"
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

// kinded is an error of a kind that its text does not repeat.
type kinded struct {
	kind error
	err  error
}

func (e *kinded) Error() string { return e.err.Error() }

func (e *kinded) Unwrap() []error { return []error{e.kind, e.err} }

// of returns an error of a kind, which may be wrapped in the format.
func of(kind error, format string, args ...any) error {
	return &kinded{kind, fmt.Errorf(format, args...)}
}

// kinds are the statuses and types of errors.
var kinds = []struct {
	err    error
	status int
	name   string
	text   string // for docs/api.md
}{
	{ErrNotFound, http.StatusNotFound, "not_found", "there is nothing of that name"},
	{ErrBadRequest, http.StatusBadRequest, "bad_data", "a parameter or the body cannot be read"},
	{ErrBusy, http.StatusConflict, "busy", "another one is under way"},
	{ErrLocked, http.StatusForbidden, "forbidden", "actions are off, or the request may come from the page of somebody else"},
	{ErrMediaType, http.StatusUnsupportedMediaType, "media_type", "the body is neither JSON nor a form"},
	{ErrRefused, http.StatusUnprocessableEntity, "refused", "there is an error in the configuration, and the running one goes on"},
	{ErrUnavailable, http.StatusServiceUnavailable, "unavailable", "the device does not answer, or a part of Trapline does not run"},
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

// Refuse answers a request with an error.
func Refuse(w http.ResponseWriter, err error) {
	e := failure(err)
	w.Header().Del("ETag") // of the answer that there is none of
	write(w, HTTPStatus(err), &e)
}

// failure is the envelope of an error.
func failure(err error) envelope {
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
	return e
}

func write(w http.ResponseWriter, status int, e *envelope) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e) // the client has gone
}
