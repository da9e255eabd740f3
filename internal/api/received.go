package api

import "time"

// Received are the traps and informs of devices since the start.
type Received struct {
	Listens  []string       // addresses; empty means that none are received
	Counts   []TrapCount    // the most frequent first
	Total    int            // of which Counts are some
	Refused  []RefusedCount // by reason, without those that are 0
	Refusers []Refuser      // the last, the newest first
}

// TrapCount is how often a target sent a notification.
type TrapCount struct {
	Target string // "" means nobody's
	Trap   string
	Count  uint64
}

// RefusedCount is how many datagrams were refused for a reason.
type RefusedCount struct {
	Reason string // acl, community, user …
	Hint   string // the remedy
	Count  uint64
}

// Refuser is a sender whose datagrams were refused.
type Refuser struct {
	Sender string // IP address
	Reason string
	Count  int       // since it is listed
	Last   time.Time // the last one
}
