package mux

import "time"

// window decides how many requests a target may have before it at once, by how long it takes to
// answer: a queue in the agent shows as round trips that grow (delay-based congestion control). It is
// pure: all times are given, as durations since any fixed moment.
type window struct {
	size      float64 // requests
	max       int     // upper bound
	slowStart bool

	base      time.Duration // the shortest round trip of a full request, of this and the last period
	lastBase  time.Duration
	baseSince time.Duration

	epochEnd   time.Duration // once a round trip the size is looked at again
	epochBest  time.Duration // the shortest round trip in the epoch
	limited    bool          // the window kept requests back in the epoch
	lastShrunk time.Duration
	before     float64 // the size that it then had

	patience time.Duration // the longest round trip that was given up too early, in this base period

	srtt, rttvar time.Duration // RFC 6298

	unanswered bool // the last request was given up
}

// Bounds of the requests that may be outstanding per target.
const (
	firstWindow   = 2
	DefaultWindow = 16
	MaxWindow     = 64

	basePeriod = 10 * time.Minute
	minRTO     = 200 * time.Millisecond
	maxRTO     = 10 * time.Second

	// Requests that wait in the agent: below fewQueued there is room, above manyQueued too many.
	fewQueued  = 1.5
	manyQueued = 3.5
)

func newWindow(most int) window {
	return window{size: min(firstWindow, float64(most)), max: most, slowStart: true}
}

// bound sets how large the window may become.
func (w *window) bound(most int) {
	w.max = most
	w.size = min(w.size, float64(most))
}

// unknown reports whether the target never answered.
func (w *window) unknown() bool { return w.srtt == 0 }

// responsive reports whether an answer is to be expected.
func (w *window) responsive() bool { return w.srtt > 0 && !w.unanswered }

// allows reports whether one more request may be sent beside those in flight.
func (w *window) allows(inFlight int) bool {
	if inFlight == 0 || (w.srtt > 0 && float64(inFlight) < w.size) {
		return true // a target that never answered gets one request at a time
	}
	w.limited = true
	return false
}

// answered takes the round trip of one request into account.
func (w *window) answered(rtt, now time.Duration) {
	w.unanswered = false
	if w.srtt == 0 {
		w.srtt, w.rttvar = rtt, rtt/2
	} else {
		w.rttvar += ((w.srtt - rtt).Abs() - w.rttvar) / 4
		w.srtt += (rtt - w.srtt) / 8
	}
	if now-w.baseSince > basePeriod || w.base == 0 {
		w.lastBase, w.base, w.baseSince, w.patience = w.base, rtt, now, 0
	}
	w.base = min(w.base, rtt)
	if w.epochBest == 0 || rtt < w.epochBest {
		w.epochBest = rtt
	}
	if now >= w.epochEnd {
		w.adjust()
		w.epochEnd, w.epochBest, w.limited = now+w.srtt, 0, false
	}
}

// adjust sets the size by the number of requests that seem to wait in the agent.
func (w *window) adjust() {
	base := w.base
	if w.lastBase > 0 {
		base = min(base, w.lastBase)
	}
	queued := w.size * (1 - float64(base)/float64(w.epochBest))
	switch {
	case queued > manyQueued:
		w.size -= (queued - 2) / 2
		w.slowStart = false
	case queued >= fewQueued:
		w.slowStart = false
	case w.limited && w.slowStart:
		w.size *= 2
	case w.limited:
		w.size += max(1, w.size/8)
	}
	w.size = min(max(w.size, 1), float64(w.max))
}

// lost makes the window smaller after a request was not answered in time, once a round trip at most.
func (w *window) lost(now time.Duration) {
	if now-w.lastShrunk < w.srtt && w.lastShrunk > 0 {
		return
	}
	w.lastShrunk, w.before, w.slowStart = now, w.size, false
	w.size = max(w.size*0.7, 1)
}

// spurious records an answer that took so long that its request had been sent again, for nothing.
// The window is restored, and later answers are waited for longer.
func (w *window) spurious(rtt time.Duration) {
	w.patience = min(max(w.patience, rtt+rtt/4), maxRTO)
	w.size = min(max(w.size, w.before), float64(w.max))
}

// silent makes the window as small as it gets: nothing is answered any more.
func (w *window) silent() { w.size, w.slowStart, w.unanswered = 1, true, true }

// rto is how long to wait for the answer to an attempt, the first being 0, before it is sent again.
// Without a round trip measured it is limit, which also bounds it.
func (w *window) rto(attempt int, limit time.Duration) time.Duration {
	if w.srtt == 0 {
		return limit
	}
	return min(max(minRTO, w.patience, 2*w.srtt, w.srtt+4*w.rttvar)<<min(attempt, 8), limit, maxRTO)
}

// overdue reports whether a request sent so long ago, after which others were answered, was lost.
func (w *window) overdue(age time.Duration, laterAnswers int) bool {
	return laterAnswers >= 3 && age > max(w.srtt+2*w.rttvar, w.patience)
}
