package rules

import (
	"time"
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
