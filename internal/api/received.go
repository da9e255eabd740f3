package api

import "time"

// Received are the traps and informs of devices since the start.
type Received struct {
	Listens  []string       `json:"listens"`  // addresses; empty means that none are received
	Counts   []TrapCount    `json:"counts"`   // the most frequent first
	Total    int            `json:"total"`    // of which Counts are some
	Refused  []RefusedCount `json:"refused"`  // sorted by reason, without those that are 0
	Refusers []Refuser      `json:"refusers"` // the last, the newest first
	Unknown  []UnknownTrap  `json:"unknown"`  // the last ones of devices that are no target, the newest first
}

// TrapCount is how often a target sent a notification.
type TrapCount struct {
	Target string `json:"target"` // "" means nobody's
	Trap   string `json:"trap"`
	Count  uint64 `json:"count"`
}

// RefusedCount is how many datagrams were refused for a reason.
type RefusedCount struct {
	Reason string `json:"reason"` // acl, community, user …
	Hint   string `json:"hint"`   // the remedy
	Count  uint64 `json:"count"`
}

// Refuser is a sender whose datagrams were refused.
type Refuser struct {
	Sender string    `json:"sender"` // IP address
	Reason string    `json:"reason"`
	Count  int       `json:"count"` // since it is listed
	Last   time.Time `json:"last"`  // the last one
}

// UnknownTrap is a notification of a device that is no target.
type UnknownTrap struct {
	At       time.Time `json:"at"`
	Device   string    `json:"device"`            // IP address
	Sender   string    `json:"sender,omitempty"`  // IP address of the forwarder
	Version  string    `json:"version"`           // 1, 2c or 3
	User     string    `json:"user,omitempty"`    // of SNMPv3
	Context  string    `json:"context,omitempty"` // of SNMPv3
	EngineID string    `json:"engine_id,omitempty"`
	Inform   bool      `json:"inform,omitempty"`
	Trap     string    `json:"trap"`
	OID      string    `json:"oid"`
	Text     string    `json:"text,omitempty"` // variable bindings
}
