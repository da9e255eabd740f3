package api

import (
	"time"

	"trapline/internal/journal"
)

// Event is an entry of the journal. In a cluster each member has a journal with numbers of its own.
type Event = journal.Event

// History is a page of the journal, the newest entry first. The next page, of older ones, begins at the cursor. It may be
// empty: a page ends early where the search takes too long.
type History struct {
	Entries []Event `json:"entries"`
	Cursor  string  `json:"cursor,omitempty"` // for the next page; absent if this is the last one
}

// EventQuery selects entries of the journal. Empty fields select all.
type EventQuery struct {
	Text     string   // words in rule, target, resource, receiver, text and reason; matchers such as severity=major and site=~"a|b"
	Match    []string // matchers, as of silences; names are those of Event.Label
	Alarm    string   // ID
	Rule     string
	Target   string
	Receiver string
	Kind     string
	Since    time.Time
	Until    time.Time
	After    uint64 // only entries with a greater Seq
	Before   uint64 // only entries with a smaller Seq; 0 means all
	Cursor   string // of the page before: only what follows on it
	Limit    int    // 0 means 100; the newest
}
