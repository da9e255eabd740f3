package api

import "time"

// Alarm is an active alarm, or one that has ended, and which receivers know it.
type Alarm struct {
	ID          string            `json:"id"`
	Number      uint64            `json:"number,omitempty"` // of the raise: the index in traplineActiveAlarmTable
	Rule        string            `json:"rule"`
	Target      string            `json:"target"`
	Resource    string            `json:"resource,omitempty"` // label="value" of the row
	Severity    string            `json:"severity"`           // critical, major, minor, warning, indeterminate
	State       string            `json:"state"`              // raised, pending, cleared
	Text        string            `json:"text"`
	Description string            `json:"description,omitempty"`
	Group       string            `json:"group,omitempty"` // by which the query groups
	Value       string            `json:"value,omitempty"`
	Labels      map[string]string `json:"labels"`
	Since       time.Time         `json:"since"`
	Changed     time.Time         `json:"changed,omitzero"`
	Cleared     time.Time         `json:"cleared,omitzero"`
	Notified    []Notified        `json:"notified"`
	Life        []Event           `json:"life,omitempty"`     // of one alarm alone, the oldest first
	Mutes       []string          `json:"mutes,omitempty"`    // why it is not sent: silence ID, maintenance NAME, inhibit ALARM, cause TARGET
	Behind      []string          `json:"behind,omitempty"`   // the first 20 targets that are down because this one is
	Baseline    bool              `json:"baseline,omitempty"` // not sent: it was so when the rule first looked at the target
	AckedBy     string            `json:"acked_by,omitempty"` // the person who has acknowledged it
	AckedAt     time.Time         `json:"acked_at,omitzero"`
	AckedUntil  time.Time         `json:"acked_until,omitzero"` // zero means until it ends or, unless sticky, gets worse
	AckComment  string            `json:"ack_comment,omitempty"`
	AckedSticky bool              `json:"acked_sticky,omitempty"` // it stays when the alarm gets worse
}

// Ack acknowledges an alarm. It ends with the alarm.
type Ack struct {
	By      string `json:"by"` // the person; the user of the request if it has one
	Comment string `json:"comment,omitempty"`
	Sticky  bool   `json:"sticky,omitempty"` // it does not end when the alarm gets worse
	Until   string `json:"until,omitempty"`  // when it ends, a time as in RFC 3339, or a duration such as 2h
}

// Clear ends an alarm that waits for a return.
type Clear struct {
	By      string `json:"by"` // the person; the user of the request if it has one
	Comment string `json:"comment,omitempty"`
}

// Notified is the state of an alarm at a receiver.
type Notified struct {
	Receiver string    `json:"receiver"`
	State    string    `json:"state"` // acknowledged, sent, waits, given up, muted, not wanted
	At       time.Time `json:"at,omitzero"`
	Took     float64   `json:"took,omitempty"` // seconds until it was acknowledged
	Tries    int       `json:"tries,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Text     string    `json:"text"` // in words: acknowledged 14:02:11 in 34 ms
}

// AlarmQuery selects alarms.
type AlarmQuery struct {
	Text  string   // words; matchers such as site=~"a|b" of labels, severity, rule, target, state, receiver, muted
	Match []string // matchers, as of silences
	State string   // raised (default), pending, cleared
	Group string   // rule, target or a label; "" for none
	Limit int      // 0 means all
}
