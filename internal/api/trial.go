package api

import "time"

// TryRequest is an expression to try.
type TryRequest struct {
	Expr    string `json:"expr"`
	For     string `json:"for"`     // how long it must be true, such as 5m; empty means that it fires at once
	Targets string `json:"targets"` // as TargetQuery.Text
}

// Try is the result of an expression that was tried.
type Try struct {
	Matches  []TryMatch `json:"matches"` // at most 100, the firing ones first
	Total    int        `json:"total"`
	Firing   int        `json:"firing"`
	Targets  int        `json:"targets"`            // that it was tried on
	Window   float64    `json:"window"`             // seconds that were looked back over; 0 if no samples are kept
	Began    int        `json:"began"`              // how often it became true for a series in Window
	Ended    int        `json:"ended"`              // and how often it ceased to be
	Text     string     `json:"text"`               // a sentence
	Warnings []string   `json:"warnings,omitempty"` // what it may lack
}

// TryMatch is a series for which an expression is true.
type TryMatch struct {
	Target  string            `json:"target"`
	Labels  map[string]string `json:"labels"`
	Value   float64           `json:"value"`
	Special string            `json:"special,omitempty"` // NaN, +Inf or -Inf, for which Value is 0
	Since   time.Time         `json:"since,omitzero"`    // when it became true, or the beginning of the window
	Fires   bool              `json:"fires"`             // it has been true for long enough
	Changes int               `json:"changes"`           // how often it began in the samples that are kept
}
