package api

import (
	"encoding/json"
	"errors"
)

// Answer is the form of every answer, as Prometheus' HTTP API has it, for whoever reads one.
type Answer struct {
	Status   string          `json:"status"` // success, error
	Data     json.RawMessage `json:"data"`
	Warnings []string        `json:"warnings"`
	Kind     string          `json:"errorType"`
	Error    string          `json:"error"`
	Hint     string          `json:"hint"`
}

// Failure returns the error that an answer has.
func (a *Answer) Failure() error {
	err := errors.New(a.Error)
	for _, k := range ErrorKinds {
		if k.Name == a.Kind {
			err = Errorf(k.Err, "%s", a.Error)
		}
	}
	if a.Hint != "" {
		err = WithHint(err, a.Hint)
	}
	return err
}
