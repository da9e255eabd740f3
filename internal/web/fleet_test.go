package web

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/api"
)

// fleet is a Source of made-up targets.
type fleet struct {
	now   time.Time     // of its polls
	later time.Duration // how much later pages are looked at
	all   []api.TargetSummary
	text  []string // what a search looks at

	said   string // by devices, in place of other texts
	locked error  // why actions are locked
	mu     sync.Mutex
	done   []string // what was done
}

var (
	fleetSites = [...]string{"berlin", "paris", "milan", "vienna", "porto"}
	fleetKinds = [...]string{"Cisco C9300", "Juniper MX", "Aruba CX", "APC UPS", "Net-SNMP"}
	fleetRoles = [...]string{"core", "edge", "acc", "ups", "srv"}
)

// newFleet makes n targets, of which every thousandth or so is down and some are partial.
func newFleet(n int) *fleet { return newFleetAt(n, time.Date(2026, 11, 26, 14, 45, 0, 0, time.Local)) }

func newFleetAt(n int, now time.Time) *fleet {
	f := &fleet{now: now}
	for i := range n {
		t := api.TargetSummary{
			Name: fmt.Sprintf("%s-%04d", fleetRoles[i%5], i/5), Address: fmt.Sprintf("10.20.%d.%d", i/250, i%250),
			Labels: map[string]string{"site": fleetSites[i/5%5]}, Kind: fleetKinds[i%5], State: api.Up,
			LastPoll: f.now.Add(-time.Duration(i%60) * time.Second), Duration: 0.03 + float64(i*7919%400)/1000, Interval: 60,
			RTT: 0.001 + float64(i*31%100)/10000, Window: 16, Series: 120 + i*13%3000, Outcomes: strings.Repeat("u", 60),
		}
		t.SysName = t.Name + ".example.net"
		switch {
		case i%1000 == 7:
			t.State, t.Since, t.Alarms, t.Duration, t.Series, t.RTT = api.Down, f.now.Add(-41*time.Minute), 1, 0, 0, 0
			t.Outcomes = strings.Repeat("u", 19) + strings.Repeat("d", 41)
			t.Problem = &api.Problem{Reason: "timeout", Text: "No answer to 4 requests in 8 s.", Remedy: "A wrong community, privacy password or context, or an access list, looks the same."}
		case i%900 == 3:
			t.State, t.Since = api.Partial, f.now.Add(-3*time.Hour)
			t.Outcomes = strings.Repeat("u", 50) + strings.Repeat("p", 10)
			t.Problem = &api.Problem{Reason: "too_many", Text: "ipNetToMediaTable is partial after row 100,000: raise max_rows, or leave it out.", Table: "ipNetToMediaTable"}
		}
		f.all = append(f.all, t)
		f.text = append(f.text, strings.ToLower(t.Name+" "+t.Address+" "+t.SysName+" "+t.Labels["site"]))
	}
	return f
}

func (f *fleet) Cluster(context.Context) (api.Cluster, error) {
	c := api.Cluster{Name: "north", Member: "poller-1", Coordinator: "poller-2", Leader: "poller-3", EngineUp: true, Session: 4.2, Absent: []string{"poller-4"}, NotPolled: 7}
	for i := range 3 {
		c.Members = append(c.Members, api.ClusterMember{Name: fmt.Sprintf("poller-%d", i+1), Zone: []string{"", "berlin"}[i%2], Weight: 1, Version: "1.0.0", Config: fmt.Sprintf("4a1c9f2c%08x", i/2),
			Started: f.now.Add(-time.Hour), Draining: i == 2, Shards: 341 + i%2, Targets: 3333, Cost: 12_345.6, Skew: float64(i)})
	}
	for i := range 30 {
		c.Unowned = append(c.Unowned, fmt.Sprint(i))
	}
	return c, nil
}

func (f *fleet) Status() api.Status {
	s := api.Status{Version: "1.0.0", Started: f.now.Add(-292 * time.Hour), Series: api.SeriesCounts{Total: 21_400_000, PerSecond: 356_200}}
	s.Config.LoadedAt = f.now.Add(-5 * time.Hour)
	s.Rules = api.RuleCounts{Total: 46, WithoutData: 3, Firing: 12, SlowestSeconds: 0.0018}
	s.Alarms = api.AlarmCounts{Total: 12, Active: 10, Muted: 1, Acknowledged: 1, BySeverity: map[string]int{"critical": 1, "major": 8, "minor": 3}}
	s.Receivers = api.ReceiverCounts{Total: 3, Failing: 1, Waiting: 14}
	s.Polls = api.PollNumbers{AnsweredRatio: 0.9992, MedianSeconds: 0.084, Percentile99: 1.9, RetransmittedRatio: 0.0011}
	for i := range f.all {
		f.count(&s.Targets, f.all[i].State)
	}
	s.Slowest = []api.SlowPoll{
		{Target: "edge-0311", Duration: 58.2, Interval: 60, RTT: 0.412, Cause: "satellite link, 2 requests at once"}, {Target: "edge-0099", Duration: 38, Interval: 60, RTT: 0.39, Cause: "9 % retransmitted"},
		{Target: "core-0044", Duration: 33.1, Interval: 60, RTT: 0.003, Cause: "212,000 rows in ipNetToMediaTable"}, {Target: "srv-0002", Duration: 12.4, Interval: 60, RTT: 0.022, Cause: "60,113 series"},
	}
	s.Attention = []api.Attention{
		{Kind: "down", Text: "6 targets of site berlin stopped answering within 9 s, at 14:02.", Path: "/targets?q=site%3Dberlin+state%3Ddown", Since: f.now.Add(-41 * time.Minute)},
		{Kind: "failing", Text: "nms-2 has acknowledged nothing since 14:02: unknown user monitor. 14 notifications wait.", Path: "/receivers", Since: f.now.Add(-41 * time.Minute)},
		{Kind: "refused", Text: "The last reload was refused: targets.yml:31: no auth \"secrue\"; did you mean secure?", Path: "/configuration", Since: f.now.Add(-5 * time.Minute)},
		{Kind: "partial", Text: "9 targets answer partially: 7 × ipNetToMediaTable (too many rows), 2 × dot1dTpFdbTable (timeout).", Path: "/targets?q=state%3Dpartial", Since: f.now.Add(-3 * time.Hour)},
		{Kind: "slow", Text: "4 targets need more than half of their interval.", Path: "/targets?sort=-duration"},
	}
	s.Cluster = &api.ClusterState{Member: "poller-1", Members: 3, Absent: []string{"poller-4"}, Silent: []string{cmp.Or(f.said, "member poller-3 of the cluster does not answer: no answer in time")}}
	if f.said != "" {
		s.Slowest[0].Target, s.Slowest[0].Cause, s.Attention[0].Text, s.Version = f.said, f.said, f.said, f.said
	}
	for i := range 60 {
		m := api.Minute{At: f.now.Add(time.Duration(i-59) * time.Minute), Total: len(f.all), Partial: 9}
		if i > 18 {
			m.Down = 8
		}
		s.LastHour = append(s.LastHour, m)
	}
	return s
}

func (*fleet) count(c *api.TargetCounts, s api.State) {
	c.Total++
	switch s {
	case api.Up:
		c.Up++
	case api.Partial:
		c.Partial++
	case api.Down:
		c.Down++
	case api.Waiting:
		c.Waiting++
	}
}

// badness orders states, the worst first.
var badness = map[api.State]int{api.Down: 0, api.Partial: 1, api.Waiting: 2, api.Up: 3}

func (f *fleet) Targets(q api.TargetQuery) (api.TargetList, error) {
	var list api.TargetList
	var found []api.TargetSummary
	state, words := "", []string{}
	for _, word := range strings.Fields(strings.ToLower(q.Text)) {
		if s, ok := strings.CutPrefix(word, "state="); ok {
			state = s
		} else {
			_, word, _ = strings.Cut("="+strings.TrimPrefix(word, "site="), "=")
			words = append(words, word)
		}
	}
	for i, t := range f.all {
		if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(f.text[i], w) }) {
			continue
		}
		f.count(&list.Counts, t.State)
		if state == "" || state == string(t.State) {
			found = append(found, t)
		}
	}
	slices.SortStableFunc(found, func(a, b api.TargetSummary) int {
		if q.Sort == "-duration" {
			return cmp.Compare(b.Duration, a.Duration)
		}
		return cmp.Compare(badness[a.State], badness[b.State])
	})
	list.Matched = len(found)
	from := min(q.Offset, len(found))
	list.Targets = found[from:min(from+cmp.Or(q.Limit, 100), len(found))]
	return list, nil
}

func (f *fleet) HasTarget(name string) bool {
	return f.said != "" || slices.ContainsFunc(f.all, func(t api.TargetSummary) bool { return t.Name == name })
}

func (f *fleet) Target(name string) (api.Target, error) {
	i := slices.IndexFunc(f.all, func(t api.TargetSummary) bool { return t.Name == name })
	if i < 0 {
		return api.Target{}, &api.Hinted{Err: fmt.Errorf("target %q: %w", name, api.ErrNotFound), Hint: "did you mean core-0012?"}
	}
	t := api.Target{TargetSummary: f.all[i], Auth: "secure", Version: "3", Modules: []string{"auto"}, Profile: "cisco_ios (sysObjectID 1.3.6.1.4.1.9.1.1208 begins with 1.3.6.1.4.1.9): interfaces, entity"}
	t.Identity = api.Identity{SysName: t.SysName, SysDescr: "Cisco IOS Software, C3750E,\r\nVersion 15.2(4)E7", SysLocation: "Berlin, rack B12", Serial: "FDO1512X0A7", Up: 212 * 86400}
	t.Polls, t.Packets, t.Absent, t.EngineID = 4100, 61*4100, 12, "80001f8880e9bd0c1d12667a5100000000"
	t.Tables = []api.TableName{{Name: "interfaces", Title: "Interfaces", Rows: 52}, {Name: "sensors", Title: "Sensors", Rows: 14}, {Name: "processors", Title: "Processors", Rows: 2},
		{Name: "pools", Title: "Memory pools", Rows: 3}, {Name: "poe", Title: "PoE ports", Rows: 48}, {Name: "neighbors", Title: "Neighbors", Rows: 4}, {Name: "bgp", Title: "BGP peers", Rows: 2}, {Name: "vlans", Title: "VLANs", Rows: 1052}}
	t.Changes = []api.StateChange{{At: f.now.Add(-41 * time.Minute), State: t.State, Text: "first poll"}}
	if t.State == api.Down {
		t.Ladder = []api.Step{{Name: "name resolves", State: "ok"}, {Name: "network takes packets", State: "ok"}, {Name: "device answers", State: "failed", Text: "No answer to 4 requests in 8 s."}, {Name: "engine found", State: "unknown"}, {Name: "user accepted", State: "unknown"}}
		t.Changes = []api.StateChange{{At: f.now.Add(-41 * time.Minute), State: api.Down, Text: t.Problem.Text}, {At: f.now.Add(-292 * time.Hour), State: api.Up}}
	}
	if t.Problem != nil {
		t.Problems = []api.Problem{*t.Problem}
	}
	return t, nil
}

func (f *fleet) TableOf(q api.TableQuery) (api.Table, error) {
	if _, err := f.Target(q.Target); err != nil {
		return api.Table{}, err
	}
	rows := 52
	if q.Table == "vlans" {
		rows = 1052
	}
	t := api.Table{Name: q.Table, Title: "Interfaces", Every: 30, Total: rows, AsOf: f.now, Columns: []api.TableColumn{{Name: "state", Title: "State"},
		{Name: "interface", Title: "Interface"}, {Name: "alias", Title: "Alias"}, {Name: "speed", Title: "Speed", Unit: "bit/s"},
		{Name: "in", Title: "In", Unit: "bit/s"}, {Name: "out", Title: "Out", Unit: "bit/s"}, {Name: "use", Title: "Use", Unit: "%"},
		{Name: "errors", Title: "Errors/s", Unit: "/s"}, {Name: "discards", Title: "Discards/s", Unit: "/s"},
	}}
	aliases := [...]string{"uplink to core-1", "uplink to core-2", "", "desk B12.1", "printer", "ap-3"}
	for i := min(q.Offset, rows); i < min(rows, q.Offset+q.Limit); i++ {
		name := fmt.Sprintf("Gi1/0/%d", i+1)
		row := api.TableRow{Key: fmt.Sprintf("ifIndex=%q", fmt.Sprint(i+1)), State: "up", Cells: []string{"up", name, aliases[i%6], "", "", "", "", "", ""}, Values: make([]*float64, 9), History: map[string][]float64{}}
		if i%6 == 2 {
			row.State, row.Cells[0] = "down", "down"
		} else {
			in, out := make([]float64, 60), make([]float64, 60)
			for j := range 60 {
				in[j] = 1e6 * float64(1+i) * (2 + math.Sin(float64(i+j)/7))
				out[j] = 3e5 * float64(1+i) * (2 + math.Cos(float64(i+j)/9))
			}
			speed, use, zero := 1e9, in[59]/1e7, 0.0
			row.Values = []*float64{nil, nil, nil, &speed, &in[59], &out[59], &use, &zero, &zero}
			row.Cells = []string{"up", name, aliases[i%6], "1 Gbit/s", short(in[59]) + "bit/s", short(out[59]) + "bit/s", trim(use) + " %", "0", "0"}
			row.History["in"], row.History["out"] = in, out
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}
