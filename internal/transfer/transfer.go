// Package transfer moves alarms, alerts, notifications on their way and the like to shards of a cluster: those of a single process
// from the database of its state directory, and those of a target from the shard that it had. Records are put into the
// inbox of their shard in batches, and the owner of the shard takes them over before it goes on with the shard. Whenever a
// process is killed, each record is in one place, or it is known which one counts.
package transfer

import (
	"encoding/json"
	"slices"
	"time"

	"trapline/internal/ledger"
)

// Header is the header of a batch: the batch may be taken over once it is there. In a batch the numbers of rows and events are
// counters, and places are those of the shard.
type Header struct {
	From    string    `json:"from"`              // a member, or a shard
	Process bool      `json:"process,omitempty"` // run times are those of a single process, and not those of members
	Run     float64   `json:"run"`               // run time when the records were collected
	Alive   time.Time `json:"alive,omitzero"`    // up to when rules missed no evaluation
	More    bool      `json:"more,omitempty"`    // it continues the batch before, and is in conflict with no place

	// Settled is set once no record of the batch is in conflict with one of the shard. From then on Base is added to counters.
	Settled bool   `json:"settled,omitempty"`
	Base    uint64 `json:"base,omitempty"`
}

// Homes says in which shard records are.
type Homes struct {
	Target func(name string) string     // of a target; "": of alarms without one
	Global func(uid, alert string) bool // whether a rule is evaluated over several targets, by its UID or the name of its alerts; nil: none is
}

func (h *Homes) global(uid, alert string) bool { return h.Global != nil && h.Global(uid, alert) }

// alertRecord is the part of a stored alert that has to be known here.
type alertRecord struct {
	Rule   string            `json:"rule"`
	Labels map[string]string `json:"labels"`
	alertTimes
}

type alertTimes struct {
	Firing          bool      `json:"firing"`
	Baseline        bool      `json:"baseline,omitempty"`
	ActiveAt        time.Time `json:"active_at"`
	FiredAt         time.Time `json:"fired_at,omitzero"`
	KeepFiringSince time.Time `json:"keep_firing_since,omitzero"`
}

// targetLabel is the label of the target's name.
const targetLabel = "target"

// withTimes returns a stored alert with other times.
func withTimes(text []byte, t *alertTimes) ([]byte, error) {
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	delete(all, "fired_at")
	delete(all, "keep_firing_since")
	times, err := json.Marshal(t)
	if err == nil {
		err = json.Unmarshal(times, &all)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// A commit of the engine has room for as many records, and octets.
const (
	maxWrites = 110
	maxOctets = 400 << 10
)

// commits calls commit with writes in parts that a commit has room for. Writes of one list stay together.
func commits(lists [][]ledger.Write, commit func([]ledger.Write) error) error {
	var part []ledger.Write
	octets := 0
	for _, list := range lists {
		size := ledger.Octets(list)
		if len(part) > 0 && (len(part)+len(list) > maxWrites || octets+size > maxOctets) {
			if err := commit(part); err != nil {
				return err
			}
			part, octets = nil, 0
		}
		part, octets = append(part, list...), octets+size
	}
	if len(part) == 0 {
		return nil
	}
	return commit(part)
}

// inbox returns the key of a record of a batch, or if key is "" that of its header.
func inbox(batch, key string) string {
	if key == "" {
		return ledger.Inbox + batch
	}
	return ledger.Inbox + batch + "/" + key
}

func cutKind(key string) (kind, name string) {
	for i := range len(key) {
		if key[i] == '/' {
			return key[:i+1], key[i+1:]
		}
	}
	return key, ""
}

// encode returns JSON of a value of ours, which always has one.
func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

func sorted[V any](all map[string]V) []string {
	keys := make([]string, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
