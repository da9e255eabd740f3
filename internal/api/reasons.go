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
	Source  *Source   `json:"source,omitempty"`  // of the metric, or its row, if it is there
	Device  *Device   `json:"device,omitempty"`  // without a metric
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

// Device is how far a target answers, and where its metrics come from, by its last poll. Durations are in seconds.
type Device struct {
	Address       string         `json:"address"`
	Auth          string         `json:"auth"`
	EngineID      string         `json:"engine_id,omitempty"`
	Ladder        []Step         `json:"ladder"`            // as of Target, also of one that is up
	Profile       string         `json:"profile,omitempty"` // that auto chose, and why
	Duration      float64        `json:"duration"`
	Packets       int            `json:"packets"`
	Retransmitted int            `json:"retransmitted"`
	Window        float64        `json:"window"`
	Loss          float64        `json:"loss"`
	Modules       []DeviceModule `json:"modules"` // that were asked for
	Tables        []DeviceRows   `json:"tables"`  // scalars last
	Metrics       []Source       `json:"metrics"` // at most 1000
}

// DeviceModule is the part of a module in the last poll. A column that several modules read is asked for by one of them.
type DeviceModule struct {
	Name          string  `json:"name"`
	Packets       int     `json:"packets"` // that were sent, retransmissions included
	Retransmitted int     `json:"retransmitted"`
	Values        int     `json:"values"` // that arrived
	Duration      float64 `json:"duration"`
}

// DeviceRows is a table of the last poll.
type DeviceRows struct {
	Name  string    `json:"name"`           // of the object, such as IF-MIB::ifXTable; scalars of all that is in none
	Rows  int       `json:"rows"`           // that series were made of
	State string    `json:"state"`          // whole, partial, or carried from an earlier poll
	Text  string    `json:"text,omitempty"` // why it is partial
	Read  time.Time `json:"read,omitzero"`
	Due   time.Time `json:"due,omitzero"` // when a carried table is read next
}

// Source is where a metric comes from.
type Source struct {
	Metric string        `json:"metric"`
	Object string        `json:"object"` // name, OID, type and index
	Module string        `json:"module"`
	Series int           `json:"series"`
	Value  string        `json:"value,omitempty"`  // of the first series
	Raw    string        `json:"raw,omitempty"`    // that the device has sent for it, if scale or offset makes another of it
	Labels string        `json:"labels,omitempty"` // of the first series, rendered
	From   []LabelSource `json:"from"`
	Read   time.Time     `json:"read,omitzero"` // when the values were read
	Due    time.Time     `json:"due,omitzero"`  // when they are read next, if they are carried
}

// LabelSource is where a label comes from.
type LabelSource struct {
	Label  string    `json:"label"`
	Object string    `json:"object,omitempty"` // of which it is the value; without one it is a part of the index
	Read   time.Time `json:"read,omitzero"`
	Due    time.Time `json:"due,omitzero"` // when it is read next, if it is carried
}
