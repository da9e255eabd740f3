// Package quota bounds the series that a target adds to the store of samples.
package quota

import "time"

// The limits of series that a target may add to the store. Series of rows that are gone stay in memory for up to forty minutes, at about a
// kilobyte each, so that a device which has other row indexes in each poll, by a fault or on purpose, would fill it. A
// large router has some 50,000 rows that rules look at, and some hundred new ones in an hour; MaxSeries lets it have all
// of them at once, and NewSeriesPerHour lets all be replaced within an hour. A target has thus fewer than 200,000 series
// in memory. Series that rules make are not counted: they have rows for those of the target.
const (
	MaxSeries        = 100_000 // that have not ended, and that may be new at once
	NewSeriesPerHour = 100_000
)

// Quota is the number of series that a target may add. Series in the store are free, also those that come back.
type Quota struct {
	Max     int
	PerHour float64
	Fresh   float64   // series that may be new
	at      time.Time // when that was so
	live    int       // series that have not ended
	Refused int       // samples of the last pass that were not stored
	Since   time.Time // when such samples began; zero if the last pass had none
	warned  time.Time // when that was last logged
}

// New returns the quota of a target.
func New() Quota { return Quota{Max: MaxSeries, PerHour: NewSeriesPerHour, Fresh: MaxSeries} }

// Begin is called before each pass.
func (q *Quota) Begin(at time.Time, live int) {
	if !q.at.IsZero() {
		q.Fresh = min(float64(q.Max), q.Fresh+max(0, at.Sub(q.at).Hours())*q.PerHour)
	}
	q.at, q.live, q.Refused = at, live, 0
}

// Admit reports whether a series may be added, and counts it.
func (q *Quota) Admit() bool {
	if q.live >= q.Max || q.Fresh < 1 {
		q.Refused++
		return false
	}
	q.live++
	q.Fresh--
	return true
}

// End is called after each pass that the target answered.
func (q *Quota) End() {
	switch {
	case q.Refused == 0:
		q.Since = time.Time{}
	case q.Since.IsZero():
		q.Since = q.at
	}
}

// warnTime is how often it is logged of a target that it exceeds its quota.
const warnTime = time.Hour

// Due reports whether it is to be logged that the quota is exceeded.
func (q *Quota) Due() bool {
	if q.Refused == 0 || !q.warned.IsZero() && q.at.Sub(q.warned) < warnTime {
		return false
	}
	q.warned = q.at
	return true
}
