package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever devices say, and whenever the process is killed: no device sees more failed logins in a day than allowed, none
// closer to each other, and none with a credential that it refused within a week.
func TestLawOfTheGuard(t *testing.T) {
	bounds := Bounds{MaxFailures: 2, Spacing: 2 * time.Second}
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		now := time.Unix(1e9, 0)
		var g Guard
		var failures []time.Time
		refused := map[string]time.Time{}
		for range 200 {
			now = now.Add(time.Duration(random.Int64N(int64(time.Duration(1+random.IntN(3)) * 2 * time.Hour))))
			credential := fmt.Sprint(random.IntN(4))
			wait, ok := g.MayTry(credential, &bounds, false, now)
			if !ok {
				continue
			}
			now = now.Add(wait)
			if at, was := refused[credential]; was && now.Sub(at) < refusalMemory {
				t.Fatalf("seed %d: credential %s is tried %v after it was refused", seed, credential, now.Sub(at))
			}
			g.Begin(credential, now)
			kill := random.IntN(10) == 0
			outcome := random.IntN(4)
			if outcome != 1 { // the device sees a failed login
				if n := len(failures); n > 0 && now.Sub(failures[n-1]) < bounds.Spacing {
					t.Fatalf("seed %d: two failed logins within %v", seed, now.Sub(failures[n-1]))
				}
				failures = append(failures, now)
			}
			today := 0
			for _, at := range failures {
				if now.Sub(at) < failureMemory {
					today++
				}
			}
			if today > bounds.MaxFailures {
				t.Fatalf("seed %d: %d failed logins within a day", seed, today)
			}
			if kill {
				text, err := json.Marshal(&g)
				g = Guard{}
				if err = errors.Join(err, json.Unmarshal(text, &g)); err != nil {
					t.Fatal(err)
				}
				continue
			}
			switch outcome {
			case 0:
				g.Refused(now)
				refused[credential] = now
			case 1:
				g.NoLogin(now)
			case 2:
				g.Silent(now)
			case 3:
				g.Silent(now)
				g.Locked(now)
				if _, ok := g.MayTry("another", &bounds, true, now.Add(firstHandsOff-1)); ok {
					t.Fatalf("seed %d: a locked device is tried", seed)
				}
			}
		}
	}
}

// A device that falls silent again and again is left alone for longer and longer, up to a day.
func TestHandsOff(t *testing.T) {
	var g Guard
	now := time.Unix(1e9, 0)
	for _, want := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour} {
		if g.Locked(now); g.Until.Sub(now) != want {
			t.Errorf("left alone for %v, want %v", g.Until.Sub(now), want)
		}
	}
	for range 10 {
		g.Locked(now)
	}
	if g.HandsOff != 24*time.Hour {
		t.Errorf("left alone for %v", g.HandsOff)
	}
}
