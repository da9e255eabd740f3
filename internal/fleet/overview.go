package fleet

import (
	"fmt"
	"slices"
	"time"

	"trapline/internal/api"
	"trapline/internal/human"
	"trapline/internal/poller"
)

// PollNumbers are figures over the last polls.
func PollNumbers(all []*poller.Summary) (n api.PollNumbers) {
	var durations []float64
	packets, retries := 0, 0
	for _, u := range all {
		if u.Last == nil {
			continue
		}
		if u.Last.Up {
			durations = append(durations, seconds(u.Last.Duration))
		}
		packets, retries = packets+u.Last.Stats.Packets, retries+u.Last.Stats.Retries
	}
	n.RetransmittedRatio = float64(retries) / float64(max(packets, 1))
	if len(durations) == 0 {
		return n
	}
	slices.Sort(durations)
	n.MedianSeconds, n.Percentile99 = durations[len(durations)/2], durations[len(durations)*99/100]
	return n
}

// MaxSlowest is how many of the slowest polls are shown.
const MaxSlowest = 5

// Slowest are the polls that took the longest, with the likely cause.
func Slowest(all []*poller.Summary) []api.SlowPoll {
	top := make([]*poller.Summary, 0, MaxSlowest+1)
	for _, u := range all {
		if u.Last == nil || !u.Last.Up || len(top) == MaxSlowest && u.Last.Duration <= top[MaxSlowest-1].Last.Duration {
			continue
		}
		at := slices.IndexFunc(top, func(x *poller.Summary) bool { return x.Last.Duration < u.Last.Duration })
		if at < 0 {
			at = len(top)
		}
		top = slices.Insert(top, at, u)
		top = top[:min(len(top), MaxSlowest)]
	}
	list := []api.SlowPoll{}
	for _, u := range top {
		p := u.Last
		list = append(list, api.SlowPoll{Target: u.Target.Name, Duration: seconds(p.Duration), Interval: u.Target.Interval.Seconds(), RTT: seconds(p.Stats.Path.RTT), Cause: causeOf(u)})
	}
	return list
}

// causeOf returns the likely cause of the duration of a poll.
func causeOf(u *poller.Summary) string {
	p := u.Last
	path := p.Stats.Path
	name, rows := largest(p)
	perRequest := p.Duration / time.Duration(max(p.Stats.Packets, 1))
	switch loss := lossOf(p); {
	case loss >= 0.05:
		return fmt.Sprintf("%.0f %% of the requests retransmitted", 100*loss)
	case path.RTT > 0 && path.Window > 0 && path.Window < 3 && path.RTT > 100*time.Millisecond:
		return fmt.Sprintf("long round trip (%s), %.0f requests at once", human.Duration(path.RTT), path.Window)
	case path.RTT > 0 && perRequest > 2*path.RTT && perRequest > 100*time.Millisecond:
		return fmt.Sprintf("the device answers %.1f requests a second", 1/perRequest.Seconds())
	case rows >= 10_000:
		return fmt.Sprintf("%s rows of %s", human.Grouped(rows), name)
	}
	return human.Count(u.Samples, "series", "series") + " in " + human.Count(int(p.Stats.Packets), "request", "requests")
}

// largest is the column with the most samples.
func largest(p *poller.Pass) (name string, rows int) {
	for _, set := range p.Sets {
		for i := range set.Columns {
			if c := &set.Columns[i]; c.Len() > rows {
				name, rows = c.Desc.Name, c.Len()
			}
		}
	}
	return name, rows
}
