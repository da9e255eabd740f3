package api

import "time"

// Event is an entry of the journal.
type Event struct {
	Seq          uint64    `json:"seq"`
	At           time.Time `json:"at"`
	Kind         string    `json:"kind"` // raised, changed, cleared, sent, acknowledged, given_up, reload, target_state …
	Alarm        string    `json:"alarm,omitempty"`
	Rule         string    `json:"rule,omitempty"`
	Target       string    `json:"target,omitempty"`
	Resource     string    `json:"resource,omitempty"`
	Severity     string    `json:"severity,omitempty"`
	Receiver     string    `json:"receiver,omitempty"`
	Event        string    `json:"event,omitempty"`        // ID of the notification
	Notification string    `json:"notification,omitempty"` // its kind: raise, change, clear, resync
	Millis       float64   `json:"ms,omitempty"`           // from sending to acknowledgement, or from raise to clear
	Tries        int       `json:"tries,omitempty"`        // messages
	Value        string    `json:"value,omitempty"`
	Reason       string    `json:"reason,omitempty"` // why it was cleared or given up
	Text         string    `json:"text,omitempty"`
}

// EventQuery selects entries of the journal. Empty fields select all.
type EventQuery struct {
	Text     string // words in rule, target, resource, receiver and text; key=value for the fields below, severity and event
	Alarm    string // ID
	Rule     string
	Target   string
	Receiver string
	Kind     string
	Since    time.Time
	Until    time.Time
	After    uint64 // only entries with a greater Seq
	Before   uint64 // only entries with a smaller Seq, for the next page; 0 means all
	Limit    int    // 0 means 100; the newest
}
