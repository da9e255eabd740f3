package poller

import (
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/series"
)

// OwnLabels are those that series about passes may have.
var OwnLabels = []string{"module", "reason", "table"}

// OwnMetrics lists the names of the series that say how a target and the passes over it fare.
func OwnMetrics() (names []string) {
	for _, d := range OwnDescs() {
		names = append(names, d.Name)
	}
	return names
}

// OwnDescs describe the series that say how a target and the passes over it fare.
func OwnDescs() (descs []*series.Desc) {
	s := &state{}
	all := []*access.Error{{Reason: access.Timeout}, {Reason: access.TooMany}}
	s.last.Store(&Pass{Up: true, Err: all[0], Errors: all, Stats: client.Stats{Path: client.Path{RTT: time.Second, MaxBindings: 1}}})
	for _, set := range []*series.Set{s.selfSet(time.Time{}), scrapeSet(nil)} {
		for i := range set.Columns {
			descs = append(descs, set.Columns[i].Desc)
		}
	}
	return descs
}
