package alarm

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// history returns what was wrong in a random history, empty if nothing was.
func history(seed uint64, byAlarm bool) string {
	w := newWorld(rand.New(rand.NewPCG(seed, 1)), byAlarm)
	for range 45 {
		w.act()
	}
	w.settle()
	return w.wrong
}

// histories is how many are tried: TRAPLINE_HISTORIES, or 20,000.
func histories(t *testing.T) uint64 {
	text := os.Getenv("TRAPLINE_HISTORIES")
	if text == "" {
		return 20000
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal("TRAPLINE_HISTORIES:", err)
	}
	return n
}

// Whatever comes and goes, is lost, crashes, is muted or configured anew: no receiver is sent a raise of what it
// knows or a clear of what it does not, and in the end it knows what is true.
func TestReceiversKnowWhatIsTrue(t *testing.T) {
	t.Parallel()
	for seed := range histories(t) {
		if wrong := history(seed, false); wrong != "" {
			t.Fatalf("history %d: %s", seed, wrong)
		}
	}
}

// Lines and views by alarm, whatever receivers can tell apart, would not do.
func TestLinesByAlarmWouldFail(t *testing.T) {
	t.Parallel()
	const all = 2000
	failed := 0
	for seed := range uint64(all) {
		if history(seed, true) != "" {
			failed++
		}
	}
	if failed < all*9/10 {
		t.Errorf("%d of %d histories fail", failed, all)
	}
	t.Logf("%d of %d histories fail", failed, all)
}
