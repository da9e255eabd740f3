package api

// Rule is a rule over all targets.
type Rule struct {
	Name        string  `json:"name"`
	Group       string  `json:"group"`
	File        string  `json:"file"`
	Type        string  `json:"type"` // alerting, recording
	Query       string  `json:"query"`
	For         float64 `json:"for"`
	Severity    string  `json:"severity,omitempty"`
	State       string  `json:"state"` // works, no data, error
	Text        string  `json:"text,omitempty"`
	Targets     int     `json:"targets"`
	Firing      int     `json:"firing"`
	Pending     int     `json:"pending"`
	TookSeconds float64 `json:"took"`
}
