package api

import (
	"time"

	"trapline/internal/journal"
)

// Event is an entry of the journal.
type Event = journal.Event

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
