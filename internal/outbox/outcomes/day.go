package outcomes

import (
	"time"

	"trapline/internal/journal"
)

// Day counts the notifications that receivers acknowledged on one day of the server's time zone; of receivers that never
// acknowledge, those that were sent. It has what the journal has of that day.
type Day struct {
	midnight time.Time
	counts   map[string]int // by receiver
}

// Midnight returns when the day of a time began.
func Midnight(at time.Time) time.Time {
	year, month, day := at.Local().Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.Local)
}

// Add counts entries of the journal.
func (d *Day) Add(entries []journal.Event) {
	for i := range entries {
		e := &entries[i]
		if e.Kind != journal.Acknowledged && e.Kind != journal.Sent {
			continue
		}
		if midnight := Midnight(e.At); !midnight.Equal(d.midnight) {
			*d = Day{midnight, map[string]int{}}
		}
		d.counts[e.Receiver]++
	}
}

// Merge adds the counts of other entries, unless they are of another day.
func (d *Day) Merge(other *Day) {
	if d.counts == nil {
		*d = Day{other.midnight, map[string]int{}}
	}
	if d.midnight.Equal(other.midnight) {
		for receiver, n := range other.counts {
			d.counts[receiver] += n
		}
	}
}

// Of returns the count of a receiver on the day of now.
func (d *Day) Of(receiver string, now time.Time) int {
	if !Midnight(now).Equal(d.midnight) {
		return 0
	}
	return d.counts[receiver]
}
