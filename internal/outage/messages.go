package outage

import (
	"reflect"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/mute"
	"trapline/internal/neighbours"
)

// The paths of requests between members: reports, and that there is another answer to them.
const (
	reportPath = "/outages"
	wakePath   = "/outages/changed"
)

const (
	// maxReport and maxAnswer bound the octets of a report and of its answer.
	maxReport, maxAnswer = 64 << 20, 64 << 20
	// maxPolls bounds the polls of one device that wait to be reported: their results alternate.
	maxPolls = 4
	// maxAsks bounds the devices of a member that are asked for and not polled yet.
	maxAsks = 1_000_000
)

// report has what a member knows of its devices, or what has changed since the report before.
type report struct {
	Member     string `json:"member"`
	Run        uint64 `json:"run"`                  // of the process
	Number     uint64 `json:"number"`               // of the report, in this run
	Generation uint64 `json:"generation,omitempty"` // of the center that has the reports before; 0: this one has everything
	Version    uint64 `json:"version,omitempty"`    // of the outages that the member has
	Asked      uint64 `json:"asked,omitempty"`      // how many devices it has been asked for

	Claims bool     `json:"claims,omitempty"` // Shards are those that the member owns; else they are the same as before
	Shards []string `json:"shards,omitempty"`
	Said   []string `json:"said,omitempty"`  // devices that alerts say to be down, since the report before
	Ended  []string `json:"ended,omitempty"` // those that they do not any more
	Polls  []poll   `json:"polls,omitempty"` // that say something new, those of one device in their order

	Alarms alarms `json:"alarms,omitempty"` // about causes of this member, that have changed

	Readings []reading         `json:"readings,omitempty"`
	Links    []neighbours.Link `json:"links,omitempty"` // that the member knows, if the report has everything
}

// alarms are alarms about causes, by device: those of its owner. Receivers that do not want one are sent the alarms of the devices
// behind. One that is over is null.
type alarms map[string]*alarm.Alarm

// bare returns an alarm with no more than selects receivers.
func bare(a *alarm.Alarm) *alarm.Alarm {
	return &alarm.Alarm{
		ID: a.ID, Rule: a.Rule, Target: a.Target, Address: a.Address, Resource: a.Resource, Metric: a.Metric, Severity: a.Severity, Labels: a.Labels,
		RaisedAt: a.RaisedAt, Notification: a.Notification, Receivers: a.Receivers, Tags: a.Tags,
	}
}

// changes returns those that differ from others, and null for those that are over.
func (a alarms) changes(before alarms) alarms {
	changed := alarms{}
	for device, one := range a {
		if !reflect.DeepEqual(one, before[device]) {
			changed[device] = one
		}
	}
	for device := range before {
		if a[device] == nil {
			changed[device] = nil
		}
	}
	return changed
}

// poll is a poll that has ended.
type poll struct {
	Device string        `json:"device"`
	Began  time.Duration `json:"began"` // by the clock of the center, or before that
	Up     bool          `json:"up,omitempty"`
}

// longAgo is when polls began of which that is not known.
const longAgo = -time.Hour

// answer has the outages, or how they have changed since a version.
type answer struct {
	Generation uint64        `json:"generation"`
	Clock      time.Duration `json:"clock"`              // of the center, when it answered
	Everything bool          `json:"everything"`         // is to be reported, for the report was not used
	Computes   bool          `json:"computes,omitempty"` // else nothing is known yet
	Since      uint64        `json:"since,omitempty"`    // the version that has changed; 0: these are all outages
	Version    uint64        `json:"version,omitempty"`
	Outages    []group       `json:"outages,omitempty"`
	Over       []string      `json:"over,omitempty"` // devices that have none any more
	Alarms     alarms        `json:"alarms,omitempty"`

	Links    []neighbours.Link `json:"links,omitempty"` // that have changed
	Unlinked []neighbours.Ends `json:"unlinked,omitempty"`

	First uint64   `json:"first,omitempty"` // the number of the first of Asks
	Asks  []string `json:"asks,omitempty"`  // devices that are to be polled at once
}

// group are devices with the same outage.
type group struct {
	Kind    mute.Kind `json:"kind"`
	Name    string    `json:"name,omitempty"`
	Devices []string  `json:"devices"`
}

func (g *group) outage() cause.Outage { return cause.Outage{Kind: g.Kind, Name: g.Name} }
