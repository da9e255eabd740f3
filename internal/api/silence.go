package api

import "time"

// Silence mutes the alarms that its matchers select.
type Silence struct {
	ID         string
	State      string // active, pending, expired
	Matchers   string // {site="berlin",severity=~"minor|warning"}
	Begin      time.Time
	End        time.Time
	By         string
	Comment    string
	UntilClear bool // it ends too once no alarm that it matched is active
	Alarms     int  // that it mutes
}

// SilenceQuery selects silences.
type SilenceQuery struct {
	State  string // active, pending, expired
	Offset int
	Limit  int // 0 means all
}

// SilenceList are silences of a state, and how many of each there are.
type SilenceList struct {
	Silences                 []Silence
	Active, Pending, Expired int
}

// NewSilence is a silence to be begun.
type NewSilence struct {
	Matchers   string
	Alarm      string // ID of the active alarm that it is for, in place of Matchers
	For        string // how long, such as 2h or 1d
	By         string
	Comment    string
	UntilClear bool
}

// Window is a maintenance window of the configuration.
type Window struct {
	Name     string
	Matchers string
	During   []string // names of time intervals
	Comment  string
	Active   bool
	Begin    time.Time // the next one; zero while it is active, or if there is none
	End      time.Time // the next one; zero if there is none
}

// WindowList are the first maintenance windows, and how many there are.
type WindowList struct {
	Windows []Window
	Total   int
}
