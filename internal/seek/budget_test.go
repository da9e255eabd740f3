package seek

import (
	"log/slog"
	"testing"
	"time"
)

// A table that has other addresses each time is asked about so many a day, and does not take the places of others.
func TestBudgetOfADay(t *testing.T) {
	b, now, logger := budget{by: map[string]int{}}, time.Unix(1_000_000, 0), slog.New(slog.DiscardHandler)
	take := func(from string, times int) (taken int) {
		for range times {
			if b.take(from, now, logger) {
				taken++
			}
		}
		return taken
	}
	if got := take("liar", 3*maxFreshOfOne); got != maxFreshOfOne {
		t.Errorf("%d were taken of one", got)
	}
	if got := take("honest", 100); got != 100 {
		t.Errorf("%d were taken of another", got)
	}
	now = now.Add(24 * time.Hour)
	if got := take("liar", 10); got != 10 {
		t.Errorf("%d were taken on the next day", got)
	}
	all := 0
	for i := range 20 {
		all += take(string(rune('a'+i)), maxFreshOfOne)
	}
	if all+10 != maxFresh {
		t.Errorf("%d were taken in a day", all+10)
	}
}
