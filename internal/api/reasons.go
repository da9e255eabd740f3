package api

import "time"

// WhyRequest names the metric to explain.
type WhyRequest struct {
	Metric string `json:"metric"` // or the name of its object, or the OID
	Row    string `json:"row"`    // label=value, several with commas between them, or the index; empty means all
}

// Why is why a metric of a target is there or is not.
type Why struct {
	Target  string    `json:"target"`
	Metric  string    `json:"metric,omitempty"`
	Row     string    `json:"row,omitempty"`
	Object  string    `json:"object,omitempty"` // of which the metric is made
	Module  string    `json:"module,omitempty"` // that reads it
	Verdict string    `json:"verdict"`
	Reason  string    `json:"reason,omitempty"`
	Remedy  string    `json:"remedy,omitempty"`
	Steps   []Step    `json:"steps"`             // those of WhySteps; none without a metric
	Missing []Absence `json:"missing,omitempty"` // without a metric: what is partial, then what is absent; at most 1000
	Poll    time.Time `json:"poll,omitzero"`     // when the poll ended that was looked at
	Asked   bool      `json:"asked"`             // the device was asked for this answer
	There   bool      `json:"there"`             // the metric, or its row, has a series
}

// Absence is a metric that has no series, or not all, in the last poll.
type Absence struct {
	Metric string `json:"metric"`
	Module string `json:"module"`
	Kind   string `json:"kind"` // partial, filtered, unfit, duplicate, absent
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
}

// WhySteps are the names of the steps, in order.
var WhySteps = []string{"name known", "module reads it", "device answers", "has the column", "filters pass", "value fits", "no duplicate", "served"}
