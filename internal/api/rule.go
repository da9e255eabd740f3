package api

import "time"

// Rule is a rule over all targets.
type Rule struct {
	Name        string    `json:"name"`
	Group       string    `json:"group"`
	File        string    `json:"file"`
	Line        int       `json:"line,omitempty"`
	Type        string    `json:"type"` // alerting, recording
	Query       string    `json:"query"`
	For         float64   `json:"for"`
	Severity    string    `json:"severity,omitempty"`
	Summary     string    `json:"summary,omitempty"` // the annotation
	Global      string    `json:"global,omitempty"`  // why it is evaluated over all targets at once
	State       string    `json:"state"`             // works, no data, error, waiting
	Text        string    `json:"text,omitempty"`
	Target      string    `json:"target,omitempty"`  // of the error
	Missing     []string  `json:"missing,omitempty"` // metrics of which no target has a series
	Targets     int       `json:"targets"`
	Firing      int       `json:"firing"`
	Pending     int       `json:"pending"`
	TookSeconds float64   `json:"took"`          // of an evaluation, mean over targets
	Last        time.Time `json:"last,omitzero"` // evaluation
}

// The states of a rule.
const (
	RuleWorks   = "works"
	RuleNoData  = "no data"
	RuleError   = "error"
	RuleWaiting = "waiting" // for the first poll that brings what it looks at
)
