package alarm

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// history runs a random history and returns its first violation, or "".
func history(seed uint64, byAlarm bool) string {
	w := newWorld(rand.New(rand.NewPCG(seed, 1)), byAlarm)
	for range 45 {
		w.act()
	}
	w.settle()
	return w.violation
}

// histories returns the number of histories: TRAPLINE_HISTORIES, or 20,000.
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

// Despite transitions, losses, crashes, mutes and reloads, a receiver must never be sent a raise of
// an alarm that it has or a clear of one that it does not have, and must in the end have exactly
// the active alarms.
func TestReceiversKnowWhatIsTrue(t *testing.T) {
	t.Parallel()
	for seed := range histories(t) {
		if wrong := history(seed, false); wrong != "" {
			t.Fatalf("history %d: %s", seed, wrong)
		}
	}
}

// Lines and views keyed by alarm, instead of the receiver's key, must violate the law.
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
