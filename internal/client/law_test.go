package client_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
)

// rarely is how many of so many trials are made under the race detector.
func rarely(trials int) int {
	if racing {
		return (trials + 9) / 10
	}
	return trials
}

// lawTrials is how many devices are drawn: few in a common run of the tests, TRAPLINE_TRIALS in a long one.
func lawTrials(few int) int {
	if n, err := strconv.Atoi(os.Getenv("TRAPLINE_TRIALS")); err == nil {
		return n
	}
	return few
}

// The law: twenty polls of a device, with any events at the device, the network and the engine in
// between, return the result of a strict walk. TRAPLINE_SEED=n runs trial n alone.
func TestLawOfRandomDevices(t *testing.T) {
	onlyOnce(t)
	first, last := 0, lawTrials(rarely(200))
	if n, err := strconv.Atoi(os.Getenv("TRAPLINE_SEED")); err == nil {
		first, last = n, n+1
	}
	inHalves(t, func(t *testing.T, half int) {
		for seed := first; seed < last; seed++ {
			if seed%2 != half {
				continue
			}
			if err := randomTrial(t, rand.New(rand.NewPCG(uint64(seed), 27))); err != nil {
				t.Errorf("TRAPLINE_SEED=%d: %v", seed, err)
			}
		}
	})
}

// inHalves runs the halves of a test at the same time.
func inHalves(t *testing.T, f func(t *testing.T, half int)) {
	for half := range 2 {
		t.Run(strconv.Itoa(half), func(t *testing.T) {
			t.Parallel()
			f(t, half)
		})
	}
}

func randomTrial(t *testing.T, r *rand.Rand) (err error) {
	objects, settings := randomDevice(r)
	subject := newLawSubject("random", settings...)
	synctest.Test(t, func(*testing.T) { err = tryLaw(r, subject, objects) })
	return err
}

// tryLaw makes one trial, in a synctest bubble.
func tryLaw(r *rand.Rand, subject *lawSubject, objects []lawObject) error {
	w, err := newLawTrial(r, subject, objects)
	if err != nil {
		return err
	}
	if os.Getenv("TRAPLINE_SEED")+os.Getenv("TRAPLINE_LAW") != "" {
		w.agent.trace = func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	}
	if err := w.judge(); err != nil {
		return fmt.Errorf("%s: %w", subject.name, err)
	}
	return nil
}
