// Package relay hands the notifications that a member of a cluster has received to the members that own their devices: what follows
// from a notification is the same whichever member it comes to. Those of a device keep their order.
package relay

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// Notification is a notification that was received, decoded and authenticated. It has no community, which is a secret.
type Notification struct {
	ID     uint64        `json:"id"`     // random: one that comes twice is taken once
	Owner  string        `json:"owner"`  // name of the target, or address of a device that is none
	Shard  string        `json:"shard"`  // of the owner, when it is handed on
	Device netip.Addr    `json:"device"` // address of the device
	Age    time.Duration `json:"age"`    // since it was received, when it is sent

	From      netip.AddrPort `json:"from"`
	Version   snmp.Version   `json:"version"`
	User      []byte         `json:"user,omitempty"` // of SNMPv3; octets, as the context
	Context   []byte         `json:"context,omitempty"`
	EngineID  []byte         `json:"engine_id,omitempty"`
	Inform    bool           `json:"inform,omitempty"`
	RequestID int32          `json:"request_id,omitempty"`
	V1        *snmp.Trap     `json:"v1,omitempty"`
	VarBinds  []byte         `json:"varbinds"`

	at time.Time // by the clock of this member
}

// NewNotification returns the notification that was received at a time, with octets of its own.
func NewNotification(owner string, device netip.Addr, at time.Time, r *originator.Received) *Notification {
	n := &Notification{
		ID: rand.Uint64(), Owner: owner, Device: device, at: at, From: r.From, Version: r.Version, Context: []byte(r.Context),
		EngineID: slices.Clone(r.EngineID), Inform: r.Inform, RequestID: r.RequestID, VarBinds: slices.Clone(r.VarBinds),
	}
	if r.Version == snmp.V3 {
		n.User = []byte(r.Name)
	}
	if r.V1 != nil {
		v1 := *r.V1
		v1.Enterprise, v1.VarBinds = slices.Clone(v1.Enterprise), nil // which are those of the notification
		n.V1 = &v1
	}
	return n
}

// At returns when it was received.
func (n *Notification) At() time.Time { return n.at }

// Received returns the notification as it was received. Its slices are those of n.
func (n *Notification) Received() *originator.Received {
	r := &originator.Received{
		From: n.From, Version: n.Version, Name: string(n.User), Context: string(n.Context), EngineID: n.EngineID, Inform: n.Inform, RequestID: n.RequestID, VarBinds: n.VarBinds,
	}
	if n.V1 != nil {
		v1 := *n.V1
		v1.VarBinds = n.VarBinds
		r.V1 = &v1
	}
	return r
}

// size returns about how many octets it takes.
func (n *Notification) size() int { return 300 + len(n.VarBinds) + len(n.Context) + len(n.Owner) }
