package poller

import (
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// SelfLabels are those that series about passes may have.
var SelfLabels = []string{"module", "reason", "rung", "table"}

// SelfMetrics returns the names of the series on the health of a target and its polls.
func SelfMetrics() (names []string) {
	for _, d := range SelfDescs() {
		names = append(names, d.Name)
	}
	return names
}

// SelfDescs returns the descriptions of the series on the health of a target and its polls.
func SelfDescs() (descs []*series.Desc) {
	s := &state{}
	s.summary.Store(&Summary{Paused: "maintenance", Target: &Target{}, Last: &Pass{Up: true}})
	all := []*access.Error{{Reason: access.Timeout}, {Reason: access.TooMany}}
	s.last.Store(&Pass{Up: true, Err: all[0], Errors: all, Stats: client.Stats{Path: client.Path{RTT: time.Second, MaxBindings: 1}}})
	for _, set := range []*series.Set{s.selfSet(time.Time{}), scrapeSet(nil)} {
		for i := range set.Columns {
			descs = append(descs, set.Columns[i].Desc)
		}
	}
	return descs
}

// The series on the health of a target.
var (
	descAge        = gauge("trapline_target_age_seconds", "Time since the target's last poll ended.")
	descDelay      = gauge("trapline_target_pass_delay_seconds", "How late the target's last poll began.")
	descBytes      = gauge("trapline_target_response_bytes", "Octets of names and values that the target's last poll held, which max_bytes bounds.")
	descDuplicates = counter("trapline_target_duplicates_total", "Samples dropped because another had their name and labels.")
	descDuration   = gauge("trapline_target_pass_duration_seconds", "Duration of the target's last poll.")
	descError      = gauge("trapline_target_error", "1 for the reason why the target did not answer its last poll.")
	descIncomplete = gauge("trapline_target_incomplete", "1 for each walk or get of the last poll that is partial, by the reason.")
	descLate       = counter("trapline_target_late_passes_total", "Polls that began more than a second late.")
	descLoss       = gauge("trapline_target_loss_ratio", "Share of the requests of the target's last poll that were retransmitted.")
	descMaxBinding = gauge("trapline_target_max_bindings", "Variable bindings that the target puts into one answer, if it limits them itself.")
	descMissed     = counter("trapline_target_missed_passes_total", "Polls left out because the one before was running.")
	descPackets    = counter("trapline_target_packets_total", "Requests sent to the target, retransmissions included.")
	descPaused     = gauge("trapline_target_paused", "1 while the target is not polled because of maintenance with poll: false: its series are of before.")
	descPasses     = counter("trapline_target_passes_total", "Polls of the target that ended, with or without an answer.")
	descProblems   = counter("trapline_target_unconverted_total", "Values of the target that did not fit their metric's type.")
	descReboots    = counter("trapline_target_reboots_total", "Times that sysUpTime restarted, if a module reads it.")
	descRetries    = counter("trapline_target_retries_total", "Requests retransmitted to the target.")
	descRTT        = gauge("trapline_target_rtt_seconds", "Smoothed round trip time to the target.")
	descRung       = gauge("trapline_target_rung", "1 for each condition of an answer that holds, 0 for the one that fails; those after it are not there. Rungs: resolves, sent, answers, engine, user, digest, decrypts, view.")
	descUp         = gauge("trapline_target_up", "1 if the target answered its last poll.")
	descVarbinds   = counter("trapline_target_varbinds_total", "Variable bindings received from the target.")
	descWindow     = gauge("trapline_target_window", "Current limit of outstanding requests.")
)

// TrapsTotal is the name of the counter of notifications of a target, which rules look at beside the series of its polls.
const TrapsTotal = "trapline_traps_total"

// maxSelf is the number of series on the health of a target, without those of failures.
const maxSelf = 20

var noLabels = &series.Table{Ends: []uint32{0}}

// selfSet returns the series on the health of a target. It is empty before the first pass has ended.
func (s *state) selfSet(now time.Time) *series.Set {
	p := s.last.Load()
	if p == nil {
		return &series.Set{}
	}
	up := 0.0
	if p.Up {
		up = 1
	}
	set := &series.Set{Columns: make([]series.Column, 0, maxSelf)}
	values := make([]float64, 0, maxSelf)
	one := func(d *series.Desc, v float64) {
		n := len(values)
		values = append(values, v)
		set.Columns = append(set.Columns, series.Column{Desc: d, Table: noLabels, Values: values[n : n+1 : n+1]})
	}
	one(descAge, now.Sub(p.Start.Add(p.Duration)).Seconds())
	one(descBytes, float64(p.Stats.Bytes))
	one(descDelay, time.Duration(s.delay.Load()).Seconds())
	one(descDuplicates, float64(s.duplicates.Load()))
	one(descDuration, p.Duration.Seconds())
	one(descLate, float64(s.late.Load()))
	one(descMissed, float64(s.missed.Load()))
	one(descPackets, float64(s.packets.Load()))
	one(descPasses, float64(s.passes.Load()))
	one(descProblems, float64(s.problems.Load()))
	one(descReboots, float64(s.reboots.Load()))
	one(descRetries, float64(s.retries.Load()))
	if s.summary.Load().pausedNow() {
		one(descPaused, 1)
	}
	one(descUp, up)
	one(descVarbinds, float64(s.varbinds.Load()))
	set.Columns = append(set.Columns, s.summary.Load().rungs()...)
	if path := p.Stats.Path; path.RTT > 0 {
		one(descLoss, float64(p.Stats.Retries)/float64(max(p.Stats.Packets, 1)))
		one(descRTT, path.RTT.Seconds())
		one(descWindow, path.Window)
		if path.MaxBindings > 0 {
			one(descMaxBinding, float64(path.MaxBindings))
		}
	}
	set.Columns = append(set.Columns, failures(p)...)
	return set
}

// failures returns a series for each reason why something is missing.
func failures(p *Pass) (columns []series.Column) {
	if p.Err == nil && len(p.Duplicates) == 0 {
		return nil
	}
	target := series.Column{Desc: descError, Table: &series.Table{}}
	part := series.Column{Desc: descIncomplete, Table: &series.Table{}}
	seen := map[string]bool{}
	add := func(column *series.Column, table snmp.OID, reason access.Reason) {
		var labels []byte
		if column == &part {
			labels = series.AppendLabel(labels, 0, "table", []byte(table.String()))
		}
		labels = series.AppendLabel(labels, 0, "reason", []byte(reason))
		if seen[string(labels)] {
			return
		}
		seen[string(labels)] = true
		column.Table.Labels = append(column.Table.Labels, labels...)
		column.Table.AddRow()
		column.Values = append(column.Values, 1)
	}
	for _, e := range p.Errors {
		if e.TargetFailed() || !p.Up {
			add(&target, nil, e.Reason)
		} else {
			add(&part, e.OID, e.Reason)
		}
	}
	for _, oid := range p.doubled() {
		add(&part, oid, access.Duplicate)
	}
	if len(p.Errors) == 0 && p.Err != nil {
		add(&target, nil, access.Malformed)
	}
	for _, c := range []series.Column{target, part} {
		if c.Len() > 0 {
			columns = append(columns, c)
		}
	}
	return columns
}
