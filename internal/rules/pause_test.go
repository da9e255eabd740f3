package rules

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// pausable is a rig whose first target is not polled at times.
type pausable struct {
	*rig
	since time.Time      // of the pause; zero while there is none
	over  [][2]time.Time // earlier pauses
}

// startPausable runs rules for two targets. Nothing of the second one changes.
func startPausable(t *testing.T) *pausable {
	t.Helper()
	p := &pausable{rig: start(t, `
		{alert: Hot, expr: temperature > 40}, {alert: Warm, expr: temperature > 30, for: 90s}, {alert: Cold, expr: temperature < 10, for: 60s, keep_firing_for: 90s},
		{alert: Busy, expr: "rate(octets_total[2m]) > 10"}, {alert: ManyHot, expr: count(temperature > 40) > 1, for: 30s},
		{alert: NoSw1, expr: 'absent(temperature{target="sw1"})'}, {alert: Idle, expr: 'sum(rate(octets_total[2m])) < 1'}`, "sw1", "sw2")}
	p.kill()
	p.pausedSince = func(name string, at time.Time) time.Time {
		if name == "sw1" && !p.since.IsZero() && at.After(p.since) {
			return p.since
		}
		for _, pause := range p.over {
			if name == "sw1" && at.After(pause[0]) && !at.After(pause[1]) {
				return pause[0]
			}
		}
		return at
	}
	p.run()
	return p
}

// step polls the targets that are not paused, a poll time after the last.
func (p *pausable) step(temperature, octets float64) {
	p.now = p.now.Add(pollTime)
	if p.since.IsZero() {
		p.pollOf(p.targets[0], nil, fmt.Sprintf("temperature %g", temperature), fmt.Sprintf("octets_total %g", octets))
	}
	p.pollOf(p.targets[1], nil, "temperature 50", "octets_total 7")
}

// A pause raises and clears nothing by itself, however long it is, and whether the process is killed in it. Afterwards,
// rules of the target without rates find at each poll what they would have found without the pause: its time does not
// count for `for` and keep_firing_for. Rules over several targets wait for its first poll, and come to the same end.
func TestPausesRaiseAndClearNothing(t *testing.T) {
	seeds := uint64(6)
	if os.Getenv("TRAPLINE_SOAK") != "" {
		seeds = 200
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 14))
		with, without := startPausable(t), startPausable(t)
		temperature, octets := 20.0, 0.0
		for n := range 36 {
			if random.IntN(3) == 0 && n < 30 {
				temperature = []float64{5, 20, 35, 50}[random.IntN(4)]
			}
			octets += float64(random.IntN(2) * 3000)
			if n > 6 && n < 30 && random.IntN(6) == 0 {
				with.pause(random, fmt.Sprintf("seed %d, paused after %d", seed, n))
			}
			with.step(temperature, octets)
			without.step(temperature, octets)
			if got, want := with.active("Hot", "Warm", "Cold"), without.active("Hot", "Warm", "Cold"); got != want {
				t.Fatalf("seed %d, poll %d: %s are active, without pauses %s", seed, n, got, want)
			}
		}
		if got, want := with.active("ManyHot", "NoSw1"), without.active("ManyHot", "NoSw1"); got != want {
			t.Fatalf("seed %d: in the end %s are active, without pauses %s", seed, got, want)
		}
		with.kill()
		without.kill()
	}
}

// pause has the first target not polled for some time, with restarts, and fails the test if an alarm begins or ends.
func (p *pausable) pause(random *rand.Rand, when string) {
	before := p.active()
	p.since = p.now.Add(time.Second)
	for range 2 + random.IntN(30) { // a shorter one counts like a poll that failed
		if p.step(0, 0); random.IntN(10) == 0 {
			p.restart(time.Duration(random.IntN(20)) * pollTime)
		}
		if after := p.active(); after != before {
			p.Fatalf("%s: %s are active, before %s", when, after, before)
		}
	}
	p.since, p.over = time.Time{}, append(p.over, [2]time.Time{p.since, p.now})
}

// active are the active alarms of some rules, or of all.
func (p *pausable) active(rules ...string) string {
	var list []string
	for _, a := range p.outbox.Active() {
		if len(rules) == 0 || slices.Contains(rules, a.Rule) {
			list = append(list, a.Rule+" "+a.Target)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
