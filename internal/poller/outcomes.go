package poller

// Outcomes are how the last polls of a target ended, two bits each.
type Outcomes struct {
	high, low uint64 // the newest is the lowest bit
	n         uint8
}

// outcome is how a poll ended.
type outcome uint8

// missedOutcome is of a poll that was left out because the one before still ran; the others are those of states.
const missedOutcome = outcome(Waiting)

// maxOutcomes is how many polls are remembered.
const maxOutcomes = 60

func (o *Outcomes) add(x outcome) {
	o.high, o.low = o.high<<1|uint64(x>>1), o.low<<1|uint64(x&1)
	o.n = min(o.n+1, maxOutcomes)
}

// String has a letter for each poll, the oldest first: u for up, p for partial, d for down, m for missed.
func (o Outcomes) String() string {
	b := make([]byte, o.n)
	for i := range b {
		at := len(b) - 1 - i
		b[i] = "mupd"[(o.high>>at&1)<<1|o.low>>at&1]
	}
	return string(b)
}
