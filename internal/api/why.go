package api

// Why is why a metric of a target is there or is not.
type Why struct {
	Target  string `json:"target"`
	Metric  string `json:"metric"`
	Row     string `json:"row,omitempty"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
	Steps   []Step `json:"steps"` // name known, module reads it, device answers, has the column, filters pass, value fits, no duplicate, served
	Asked   bool   `json:"asked"` // the device was asked for this answer
}
