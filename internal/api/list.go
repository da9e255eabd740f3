package api

import (
	"slices"
	"time"
)

// List is a list of targets that is kept elsewhere.
type List struct {
	Name       string       `json:"name"`
	Sources    []ListSource `json:"sources"`
	Targets    int          `json:"targets"`             // that are polled of it, held ones among them
	Held       int          `json:"held"`                // that it has lost all at once, and that are polled on
	HeldUntil  time.Time    `json:"held_until,omitzero"` // when they may go at the earliest
	Rejected   int          `json:"rejected"`            // entries that are not polled
	Rejections []Rejection  `json:"rejections"`          // the first 100 of them
	Waiting    int          `json:"waiting"`             // entries that are not polled until their device was asked for its name
	Misnamed   int          `json:"misnamed"`            // targets that have another name than their device gives
	Naming     []Rejection  `json:"naming"`              // the first 100 of them
	Unknown    bool         `json:"unknown"`             // it was not read yet, and there is no good copy of it: alarms of targets that are in no list stay
}

// ListSource is where a list is read.
type ListSource struct {
	Name        string    `json:"name"`                  // its kind, and the file, URL or name
	LastSuccess time.Time `json:"last_success,omitzero"` // zero if it was not read since the start
	Error       string    `json:"error,omitempty"`       // of the last attempt
	Entries     int       `json:"entries"`
}

// Rejection is an entry of a list that is not polled, or a target that has another name than its device gives.
type Rejection struct {
	Name   string `json:"name"`
	Reason string `json:"reason"` // row, address, setting, labels, duplicate or too_many; of names unfit, taken or kept
	Text   string `json:"text"`
}

// Failing reports whether the last reading of a source failed.
func (l *List) Failing() bool {
	return slices.ContainsFunc(l.Sources, func(s ListSource) bool { return s.Error != "" })
}
