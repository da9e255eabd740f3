package rules

import (
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// The limits of series that a target may add to the store. Series of rows that are gone stay in memory for up to forty minutes, at about a
// kilobyte each, so that a device which has other row indexes in each poll, by a fault or on purpose, would fill it. A
// large router has some 50,000 rows that rules look at, and some hundred new ones in an hour; maxSeries lets it have all
// of them at once, and newSeriesPerHour lets all be replaced within an hour. A target has thus fewer than 200,000 series
// in memory. Series that rules make are not counted: they have rows for those of the target.
const (
	maxSeries        = 100_000 // that have not ended, and that may be new at once
	newSeriesPerHour = 100_000
)

// quota is the number of series that a target may add. Series in the store are free, also those that come back.
type quota struct {
	max     int
	perHour float64
	fresh   float64   // series that may be new
	at      time.Time // when that was so
	live    int       // series that have not ended
	refused int       // samples of the last pass that were not stored
	since   time.Time // when such samples began; zero if the last pass had none
	warned  time.Time // when that was last logged
}

func newQuota() quota { return quota{max: maxSeries, perHour: newSeriesPerHour, fresh: maxSeries} }

// begin is called before each pass.
func (q *quota) begin(at time.Time, live int) {
	if !q.at.IsZero() {
		q.fresh = min(float64(q.max), q.fresh+max(0, at.Sub(q.at).Hours())*q.perHour)
	}
	q.at, q.live, q.refused = at, live, 0
}

// admit reports whether a series may be added, and counts it.
func (q *quota) admit() bool {
	if q.live >= q.max || q.fresh < 1 {
		q.refused++
		return false
	}
	q.live++
	q.fresh--
	return true
}

// end is called after each pass that the target answered.
func (q *quota) end() {
	switch {
	case q.refused == 0:
		q.since = time.Time{}
	case q.since.IsZero():
		q.since = q.at
	}
}

// warnTime is how often it is logged of a target that it exceeds its quota.
const warnTime = time.Hour

// due reports whether it is to be logged that the quota is exceeded.
func (q *quota) due() bool {
	if q.refused == 0 || !q.warned.IsZero() && q.at.Sub(q.warned) < warnTime {
		return false
	}
	q.warned = q.at
	return true
}

// admits reports whether a series that the target did not have in its last pass may be stored.
func (in *pollWriter) admits(lset labels.Labels) bool {
	return in.own || in.appender.Has(lset) || in.device.quota.admit()
}

// live returns the number of series that are in the store.
func (d *device) live() (n int) {
	for _, s := range d.caches {
		for i := range s.series {
			if s.series[i].ref != 0 {
				n++
			}
		}
	}
	return n
}

// Excess is a target of which not all samples are stored, because too many of its series are new. Its other series, and
// the alarms of these, are as they should be.
type Excess struct {
	Target  string
	Samples int       // of the last poll that were not stored
	Since   time.Time // wall clock
}

// Excesses returns such targets, in the order of their names.
func (e *Evaluator) Excesses() (list []Excess) {
	e.eachHealth(func(target string, d *device, _ []ruleHealth) {
		if x := d.excess.Load(); x != nil {
			list = append(list, Excess{target, x.Samples, e.wall(x.Since)})
		}
	})
	return list
}

// noteExcess counts, publishes and logs the samples of a poll that were not stored.
func (e *Evaluator) noteExcess(d *device) {
	q := &d.quota
	if q.refused == 0 && !q.since.IsZero() { // the target did not answer
		return
	}
	e.metrics.refused.Add(float64(q.refused))
	if q.since.IsZero() {
		d.excess.Store(nil)
		return
	}
	d.excess.Store(&Excess{Samples: q.refused, Since: q.since})
	if q.due() {
		e.logger.Warn("too many series of a target are new: rules do not see those above the limit",
			"target", d.target.Name, "samples_not_stored", q.refused, "max_series", q.max, "max_new_per_hour", q.perHour)
	}
}
