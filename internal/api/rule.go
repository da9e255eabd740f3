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

// TryRequest is an expression to try.
type TryRequest struct {
	Expr    string `json:"expr"`
	For     string `json:"for"`
	Targets string `json:"targets"` // as TargetQuery.Text
}

// Try is what an expression would do.
type Try struct {
	Matches []TryMatch `json:"matches"` // at most 100
	Total   int        `json:"total"`
	Text    string     `json:"text"` // a sentence
}

// TryMatch is a series for which an expression is true.
type TryMatch struct {
	Target  string            `json:"target"`
	Labels  map[string]string `json:"labels"`
	Value   float64           `json:"value"`
	Fires   bool              `json:"fires"`   // it has been true for long enough
	Changes int               `json:"changes"` // how often it began in the samples that are kept
}
