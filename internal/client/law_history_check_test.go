package client_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"trapline/internal/history"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// interfaceObjects are the objects of the tracks of interfaces; of two, the second takes precedence
// if it has a value.
var interfaceObjects = map[string][]snmp.OID{
	"in": {oid("1.3.6.1.2.1.2.2.1.10"), oid("1.3.6.1.2.1.31.1.1.1.6")}, "out": {oid("1.3.6.1.2.1.2.2.1.16"), oid("1.3.6.1.2.1.31.1.1.1.10")},
	"in_errors": {oid("1.3.6.1.2.1.2.2.1.14")}, "out_errors": {oid("1.3.6.1.2.1.2.2.1.20")},
	"in_discards": {oid("1.3.6.1.2.1.2.2.1.13")}, "out_discards": {oid("1.3.6.1.2.1.2.2.1.19")},
}

// drawColumns draws some counters beside those of interfaces, as a configuration has them: by OID.
func (w *historyTrial) drawColumns(p *poller.Pass) (list []string) {
	w.last = samplesOf(p)
	for _, s := range w.last {
		if name := snmp.OID(s.desc.Object).String(); s.desc.Type == series.Counter && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	w.historyDevice.r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	_, w.historyDevice.timed = w.last[sampleKey{string(oid("1.3.6.1.2.1.1.3")), string(oid("1.3.6.1.2.1.1.3.0")[len(oid("1.3.6.1.2.1.1.3")):])}]
	w.last = nil
	return list[:min(len(list), 12)]
}

// pointKey is a row of a track.
type pointKey struct{ kind, track, index string }

// check compares the history after a poll with the events.
func (w *historyTrial) check(n int) error {
	d, _ := w.poller.Detail(w.target.Name)
	pass := d.Summary.Last
	if pass == nil || pass.Up != (w.historyDevice.network.loss == 0) {
		return fmt.Errorf("up: %t", pass != nil && pass.Up)
	}
	if err := w.checkSummary(n, &d); err != nil {
		return err
	}
	if err := w.checkHistories(n, pass); err != nil {
		return err
	}
	if pass.Up {
		w.last = samplesOf(pass)
		w.historyDevice.answered()
	}
	w.passes = append(w.passes, pass)
	return nil
}

// checkSummary compares lists and counts with the events.
func (w *historyTrial) checkSummary(n int, d *poller.Detail) error {
	u := d.Summary
	if !u.Last.Up {
		w.counts.down++
	} else if w.historyDevice.restarted && w.historyDevice.timed {
		w.counts.reboots++
	}
	answered := int64(n) - w.counts.down
	if d.Polls != int64(n) || d.Missed+d.Late > 0 || d.Reboots != w.counts.reboots {
		return fmt.Errorf("%d polls, %d missed, %d late, %d reboots of %d", d.Polls, d.Missed, d.Late, d.Reboots, w.counts.reboots)
	}
	if (u.State == poller.Down) == u.Last.Up || u.Answered == nil || !u.Answered.Up || len(u.Outcomes.String()) != n {
		return fmt.Errorf("%+v", u)
	}
	polls, good := int64(0), int64(0)
	for _, m := range w.poller.Hour(u.Last.Start.Add(u.Last.Duration)) {
		polls, good = polls+int64(m.Polls), good+int64(m.Answered)
		if m.Total != 1 || m.Down+m.Partial > 1 {
			return fmt.Errorf("%+v", m)
		}
	}
	if first := max(n-11, 0); n <= 11 && (polls != int64(n) || good != answered) || polls > int64(n) || polls < int64(n-first) {
		return fmt.Errorf("the last hour has %d polls, %d of them answered", polls, good)
	}
	if list := w.poller.Summaries(); len(list) != 1 || list[0] != u {
		return fmt.Errorf("%d summaries", len(list))
	}
	if n > 2 && n <= quiet {
		return w.checkSame(w.passes[n-2], u)
	}
	return nil
}

// checkSame compares the summary of a device to which nothing has happened with the poll before.
func (w *historyTrial) checkSame(before *poller.Pass, u *poller.Summary) error {
	first, second := samplesOf(before), samplesOf(u.Last)
	if len(first) != len(second) || before.State() != u.State || len(u.Changes) != 1 || u.Identity == nil {
		return fmt.Errorf("%d samples and %d, %+v", len(first), len(second), u)
	}
	for k, s := range first {
		if x := second[k]; s != x && !bytes.HasPrefix(lawUpTime, []byte(k.object)) {
			return fmt.Errorf("%s.%x was %+v and is %+v", snmp.OID(k.object), k.index, s, x)
		}
	}
	return nil
}

// checkHistories compares all rates with the increases of the counters, all points with the rates,
// and the set of tracks with the rows.
func (w *historyTrial) checkHistories(n int, pass *poller.Pass) error {
	now := samplesOf(pass)
	elapsed := 0.0
	for _, p := range slices.Backward(w.passes) {
		if p.Up {
			elapsed = pass.Start.Add(pass.Duration / 2).Sub(p.Start.Add(p.Duration / 2)).Seconds()
			break
		}
	}
	points, octets := map[pointKey][]float32{}, 0
	for _, v := range w.poller.History(w.target.Name, true) {
		rows := len(v.Table.Ends)
		if v.Kind == history.Measures {
			octets += 12 * rows // a hash and a place
		}
		for _, track := range v.Tracks {
			if track.Points != nil {
				octets += rows*w.keeper.Length() + 4*len(track.Rates)
			} else {
				octets += 2 * len(track.Rates)
			}
			for row := range track.Rates {
				k := pointKey{v.Kind, track.Name, string(v.Table.Index(row))}
				rate := track.Rates[row]
				if pass.Up {
					if err := w.checkRate(k, now, float64(rate), elapsed); err != nil {
						return err
					}
				} else {
					rate = float32(math.NaN())
				}
				points[k] = append(w.points[k], rate)
				if track.Points != nil && !agree(track.Points(row), points[k]) {
					return fmt.Errorf("%s %s of %x: points %v, rates %v", k.kind, k.track, k.index, track.Points(row)[60-n:], points[k])
				}
			}
		}
	}
	if got := w.keeper.Bytes(); got != int64(octets) {
		return fmt.Errorf("%d octets for rows that take %d", got, octets)
	}
	w.points = points
	return nil
}

// agree compares the newest points with rates; before there was a row, there are gaps.
func agree(points []float64, rates []float32) bool {
	for age := range points {
		want := math.NaN()
		if age < len(rates) {
			want = float64(rates[len(rates)-1-age])
		}
		got := points[len(points)-1-age]
		if math.IsNaN(got) != math.IsNaN(want) || math.Abs(got-want) > 0.065*(1+math.Abs(want)) {
			return false
		}
	}
	return true
}

// checkRate compares a rate with the increase of its counter. The rate of a row with any event must
// be absent.
func (w *historyTrial) checkRate(k pointKey, now historySamples, got, elapsed float64) error {
	objects, factor := interfaceObjects[k.track], 1.0
	if k.kind != history.Interfaces {
		objects = []snmp.OID{oid(k.kind)}
	} else if k.track == "in" || k.track == "out" {
		factor = 8
	}
	want, sure, exact := math.NaN(), true, 1e-6
	if strings.Contains(k.track, "_") {
		exact = 2e-3 // of those without points
	}
	if 2*elapsed >= 5*historyInterval.Seconds() {
		objects = nil // too long ago
	}
	for _, object := range objects {
		key := sampleKey{string(object), k.index}
		before, had := w.last[key]
		sample, has := now[key]
		switch {
		case !has:
		case !had:
			sure = sure && math.IsNaN(want)
		case w.historyDevice.restarted && w.historyDevice.timed || sample.value < before.value:
			want, sure = math.NaN(), true
		case sample.labels != before.labels:
			sure = math.IsNaN(want)
		case w.historyDevice.unsure[k.index] || w.historyDevice.reset[key]:
			sure = false // the events cannot be observed
		default:
			want = w.historyDevice.moved[key] * factor / elapsed
		}
	}
	if !sure || math.IsNaN(got) && math.IsNaN(want) || math.Abs(got-want) <= exact*want {
		return nil
	}
	return fmt.Errorf("%s %s of %x: rate %g, want %g", k.kind, k.track, k.index, got, want)
}
