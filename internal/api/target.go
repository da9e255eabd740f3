package api

import "time"

// Problem is why something is missing, in words.
type Problem struct {
	Reason string `json:"reason"`           // the value of the label reason, such as timeout
	Text   string `json:"text"`             // what happened
	Remedy string `json:"remedy,omitempty"` // what to do
	Table  string `json:"table,omitempty"`  // name or OID of the table that is partial
	Last   string `json:"last,omitempty"`   // the last row that arrived

	Notes []string `json:"notes,omitempty"` // sentences: what else is known, of the first problem of one target alone
}

// TargetQuery selects targets.
type TargetQuery struct {
	Text   string // words in name, address, sysName and labels; matchers such as key=value or key=~expression of labels, name, address, state, up, profile, vendor, module, reason, auth
	Sort   string // name, state, duration, loss, age, series, rtt, alarms; -key is descending; "" is worst first
	Limit  int    // 0 means 100
	Offset int
}

// TargetList is a page of targets.
type TargetList struct {
	Targets []TargetSummary `json:"targets"`
	Matched int             `json:"matched"`
	Counts  TargetCounts    `json:"counts"` // of all that Text matches but for state=
}

// TargetSummary is a target in a list. Durations are in seconds.
type TargetSummary struct {
	Name     string            `json:"name"`
	Address  string            `json:"address"`
	Labels   map[string]string `json:"labels"`
	Kind     string            `json:"kind"` // such as "Cisco C9300", of the profile; "" where unknown
	SysName  string            `json:"sys_name"`
	State    State             `json:"state"`
	Since    time.Time         `json:"since,omitzero"`   // when it entered State
	Paused   string            `json:"paused,omitempty"` // why it is not polled, such as "maintenance CHG-1": all else is of before
	LastPoll time.Time         `json:"last_poll,omitzero"`
	Duration float64           `json:"duration"`
	Interval float64           `json:"interval"`
	RTT      float64           `json:"rtt"`
	Loss     float64           `json:"loss"`   // share of requests retransmitted in the last poll
	Window   float64           `json:"window"` // requests outstanding at once
	Series   int               `json:"series"`
	Alarms   int               `json:"alarms"`   // that are open
	Baseline int               `json:"baseline"` // of Alarms, those that are not sent: they were so when their rules first looked at the target
	Outcomes string            `json:"outcomes"` // of the last 60 polls, the oldest first: u, p, d, m (missed)
	Problem  *Problem          `json:"problem,omitempty"`
}

// Target is all that is known about a target.
type Target struct {
	TargetSummary
	Auth      string        `json:"auth"`
	Version   string        `json:"version"` // of SNMP: 1, 2c or 3
	Modules   []string      `json:"modules"`
	Profile   string        `json:"profile,omitempty"` // what module auto chose, and why
	Identity  Identity      `json:"identity"`
	Polls     int64         `json:"polls"`
	Missed    int64         `json:"missed"`
	LatePolls int64         `json:"late"`
	Packets   int64         `json:"packets"`
	Retries   int64         `json:"retransmitted"`
	Reboots   int64         `json:"reboots"`
	Next      time.Time     `json:"next,omitzero"`       // when the next poll is due
	Answered  time.Time     `json:"answered,omitzero"`   // end of the last poll that was answered
	Absent    int           `json:"absent"`              // metrics of the modules of which the last answered poll has no series
	EngineID  string        `json:"engine_id,omitempty"` // of the device's SNMPv3 engine, in hexadecimal digits
	Boots     int32         `json:"boots,omitempty"`     // of that engine
	Problems  []Problem     `json:"problems"`            // of the last poll
	Ladder    []Step        `json:"ladder"`              // of a target that is down: resolves, sent, answers, engine, user, digest, decrypts, view
	Tables    []TableName   `json:"tables"`
	Changes   []StateChange `json:"changes"` // the last 10, the newest first

	Neighbours []Neighbour `json:"neighbours,omitempty"` // by LLDP and CDP, if topology.roots is set
}

// Neighbour is a neighbour of a device.
type Neighbour struct {
	Name   string    `json:"name"`           // of the target, or as the device names it
	Target bool      `json:"target"`         // it is one
	Linked bool      `json:"linked"`         // both name each other, or a root names the other
	By     []string  `json:"by"`             // lldp, cdp
	Via    string    `json:"via,omitempty"`  // the neighbour between them that is no target
	Since  time.Time `json:"since,omitzero"` // when the link was found
}

// Identity is read from the system group and the entity table of a device.
type Identity struct {
	SysName     string    `json:"sys_name,omitempty"`
	SysDescr    string    `json:"sys_descr,omitempty"`
	SysLocation string    `json:"sys_location,omitempty"`
	SysContact  string    `json:"sys_contact,omitempty"`
	SysObjectID string    `json:"sys_object_id,omitempty"`
	Serial      string    `json:"serial,omitempty"`
	Up          float64   `json:"uptime,omitempty"` // seconds
	AsOf        time.Time `json:"as_of,omitzero"`
}

// Step is one of several conditions that must hold in order.
type Step struct {
	Name  string `json:"name"`
	State string `json:"state"` // ok, failed, or unknown because an earlier one failed
	Text  string `json:"text,omitempty"`
}

// TableName names a table of a target.
type TableName struct {
	Name  string `json:"name"`  // for paths, such as interfaces
	Title string `json:"title"` // such as Interfaces
	Rows  int    `json:"rows"`

	ReadAt time.Time `json:"read_at"`         // beginning of the poll that read it
	Every  float64   `json:"every,omitempty"` // seconds, of a table that the last poll carried
	Due    time.Time `json:"due,omitzero"`    // when that is read next
}

// StateChange is a change of a target's state.
type StateChange struct {
	At     time.Time `json:"at"`
	State  State     `json:"state"`
	Reason string    `json:"reason,omitempty"`
	Text   string    `json:"text,omitempty"`
}
