// Package api defines the answers of the HTTP API, the queries for them, and the errors of queries. Programs that ask and
// rooms that answer share it.
package api

import (
	"errors"
	"fmt"
	"net/http"

	"trapline/internal/setting"
)

// Hinted is an error with a remedy.
type Hinted struct {
	Err  error
	Hint string
}

// WithHint returns an error with a remedy.
func WithHint(err error, hint string) error { return &Hinted{err, hint} }

func (e *Hinted) Error() string { return e.Err.Error() }

func (e *Hinted) Unwrap() error { return e.Err }

// kinded is an error of a kind that its text does not repeat.
type kinded struct {
	kind error
	err  error
}

func (e *kinded) Error() string { return e.err.Error() }

func (e *kinded) Unwrap() []error { return []error{e.kind, e.err} }

// Errorf returns an error of a kind, which may be wrapped in the format.
func Errorf(kind error, format string, args ...any) error {
	return &kinded{kind, fmt.Errorf(format, args...)}
}

// ErrorKinds are the statuses and types of errors.
var ErrorKinds = []struct {
	Err    error
	Status int
	Name   string // the errorType of an answer
	Text   string // for docs/api.md
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
	for _, k := range ErrorKinds {
		if errors.Is(err, k.Err) {
			return k.Status
		}
	}
	return http.StatusInternalServerError
}

// Errors of queries. The answer's status is 404, 400, 409, 403 and 503.
var (
	ErrNotFound    = errors.New("not found")
	ErrBadRequest  = errors.New("bad request")
	ErrBusy        = errors.New("busy")
	ErrLocked      = errors.New("actions are off")
	ErrUnavailable = errors.New("unavailable")
)

// ErrMediaType is returned of a body that is neither JSON nor a form. The answer's status is 415.
var ErrMediaType = errors.New("unsupported media type")

// ErrRefused is returned of a reload that changed nothing. The answer's status is 422.
var ErrRefused = errors.New("refused")

// NotFound says that there is none of a name, and which one may be meant.
func NotFound(kind, name string, names []string) error {
	err := Errorf(ErrNotFound, "there is no %s %q", kind, name)
	if question := setting.DidYouMean(name, names); question != "" {
		return WithHint(err, question)
	}
	return err
}
