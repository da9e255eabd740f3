package api

import "time"

// Receiver is a receiver and its queue.
type Receiver struct {
	Name         string     `json:"name"`
	Address      string     `json:"address"`
	Kind         string     `json:"kind"`            // trap, inform or webhook, with the version of SNMP
	Group        string     `json:"group,omitempty"` // of which one receiver is notified
	State        string     `json:"state"`           // works, fails, waiting (nothing was sent yet)
	FailingSince time.Time  `json:"failing_since,omitzero"`
	Waiting      int        `json:"waiting"`
	Oldest       time.Time  `json:"oldest,omitzero"`
	KeptUntil    time.Time  `json:"kept_until,omitzero"` // when the oldest is given up
	GivenUp      int        `json:"given_up"`
	Today        int        `json:"acknowledged_today"` // since midnight of the server, by its journal; sent, if the receiver never acknowledges
	AnswerTime   float64    `json:"answer_time"`        // seconds, median of the last ones
	RetryAt      time.Time  `json:"retry_at,omitzero"`
	LastAck      time.Time  `json:"last_acknowledged,omitzero"`
	Problem      *Problem   `json:"problem,omitempty"`
	Ladder       []Step     `json:"ladder,omitempty"`
	CreateUser   string     `json:"create_user,omitempty"` // snmptrapd's line, without secrets
	Queue        []Queued   `json:"queue,omitempty"`       // of one receiver alone, the first 100
	Minutes      []DayPoint `json:"minutes,omitempty"`     // last 30
}

// Queued is a notification that waits or was given up.
type Queued struct {
	Event    string    `json:"event"`
	Kind     string    `json:"kind"`
	Alarm    string    `json:"alarm"`
	Rule     string    `json:"rule,omitempty"`
	Target   string    `json:"target,omitempty"`
	Severity string    `json:"severity,omitempty"`
	Text     string    `json:"text"`
	Since    time.Time `json:"since"`
	Tries    int       `json:"tries"`
	GivenUp  bool      `json:"given_up"`
	Reason   string    `json:"reason,omitempty"`
}

// TestResult is the outcome of a test.
type TestResult struct {
	Sent         bool     `json:"sent"`
	Acknowledged bool     `json:"acknowledged"`
	Seconds      float64  `json:"took,omitempty"` // until it was acknowledged
	Tries        int      `json:"tries"`
	Text         string   `json:"text"` // in words
	Problem      *Problem `json:"problem,omitempty"`
}

// DayPoint counts the notifications that a receiver acknowledged in one minute.
type DayPoint struct {
	At           time.Time `json:"at"`
	Acknowledged int       `json:"acknowledged"`
	Failed       int       `json:"failed"`
}

// The states of a receiver.
const (
	ReceiverWorks   = "works"
	ReceiverFails   = "fails"
	ReceiverWaiting = "waiting" // nothing was sent yet
)
