package api

import "time"

// State is the state of a target.
type State string

// The states of a target.
const (
	Up      State = "up"
	Partial State = "partial" // it answered, and something is missing
	Down    State = "down"
	Waiting State = "waiting" // its first poll has not ended
	Unknown State = "unknown" // another member of the cluster polls it, and does not answer, or nobody does
)

// Status is the state of the process, from device to receiver.
type Status struct {
	Version   string         `json:"version"`
	Started   time.Time      `json:"started"`
	Config    ConfigStatus   `json:"config"`
	Targets   TargetCounts   `json:"targets"`
	Series    SeriesCounts   `json:"series"`
	Rules     RuleCounts     `json:"rules"`
	Alarms    AlarmCounts    `json:"alarms"`
	Receivers ReceiverCounts `json:"receivers"`
	Polls     PollNumbers    `json:"polls"`
	Attention []Attention    `json:"attention"` // the most urgent first
	LastHour  []Minute       `json:"last_hour"` // the oldest first
	Slowest   []SlowPoll     `json:"slowest"`   // the longest polls that were answered
	Cluster   *ClusterState  `json:"cluster,omitempty"`
}

// ClusterState is who has a part in the state of a cluster.
type ClusterState struct {
	Member  string   `json:"member"`  // that answers
	Members int      `json:"members"` // that live
	Absent  []string `json:"absent"`  // members that do not
	Silent  []string `json:"silent"`  // which members do not answer, and why
}

// SlowPoll is a poll that took long.
type SlowPoll struct {
	Target   string  `json:"target"`
	Duration float64 `json:"duration"` // seconds, as the following
	Interval float64 `json:"interval"`
	RTT      float64 `json:"rtt"`
	Cause    string  `json:"cause"` // likely, in words
}

// TargetCounts are how many targets are in each state.
type TargetCounts struct {
	Total   int `json:"total"`
	Up      int `json:"up"`
	Partial int `json:"partial"`
	Down    int `json:"down"`
	Waiting int `json:"waiting"`
	Unknown int `json:"unknown,omitempty"` // to the member of a cluster that answers
}

// SeriesCounts are the samples of the last polls.
type SeriesCounts struct {
	Total     int     `json:"total"`
	PerSecond float64 `json:"per_second"`
}

// RuleCounts counts rules by state.
type RuleCounts struct {
	Total          int     `json:"total"`
	Failing        int     `json:"failing"`
	WithoutData    int     `json:"without_data"`
	Firing         int     `json:"firing"`
	Pending        int     `json:"pending"`
	SlowestSeconds float64 `json:"slowest_seconds"`
}

// AlarmCounts are how many alarms are open.
type AlarmCounts struct {
	Total        int            `json:"total"`        // as many as /api/v1/alarms lists
	Baseline     int            `json:"baseline"`     // of them, those that were so when their rules first looked at the target, and are not sent
	BySeverity   map[string]int `json:"by_severity"`  // those that are not of a baseline
	Active       int            `json:"active"`       // neither muted, nor acknowledged, nor of a baseline
	Muted        int            `json:"muted"`        // not sent at present, by a silence for instance
	Acknowledged int            `json:"acknowledged"` // by a person
}

// ReceiverCounts counts receivers by state, and the notifications that wait for them.
type ReceiverCounts struct {
	Total   int `json:"total"`
	Failing int `json:"failing"`
	Waiting int `json:"waiting"`
	GivenUp int `json:"given_up"`
}

// PollNumbers are figures over all targets.
type PollNumbers struct {
	AnsweredRatio      float64 `json:"answered_ratio"`      // polls of the last hour that were answered
	MedianSeconds      float64 `json:"median_seconds"`      // duration
	Percentile99       float64 `json:"p99_seconds"`         // duration
	RetransmittedRatio float64 `json:"retransmitted_ratio"` // of the requests of the last polls
}

// Attention is something that an operator should look at.
type Attention struct {
	Kind  string    `json:"kind"` // member (of the cluster), down, partial, slow, refused (a reload), failing (a receiver), list (of targets), rule, series (too many are new)
	Text  string    `json:"text"` // a sentence, plain text
	Query string    `json:"query,omitempty"`
	Path  string    `json:"path,omitempty"` // of the page that shows more, such as /targets?q=state%3Ddown
	Since time.Time `json:"since,omitzero"`
}

// Minute is how many targets were not up in one minute.
type Minute struct {
	At      time.Time `json:"at"`
	Down    int       `json:"down"`
	Partial int       `json:"partial"`
	Total   int       `json:"total"`
}
