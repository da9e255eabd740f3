package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The alerts of a shard go on when another member takes it over. A row for each state before it, and the state of the device
// after it: a letter is a pass, . one without an owner, > a release to the next member, x its death and the take by the next.
func TestTakeovers(t *testing.T) {
	const plain, forTwo, kept = `{alert: A, expr: v > 40}`, `{alert: A, expr: v > 40, for: 2m}`, `{alert: A, expr: v > 40, keep_firing_for: 2m}`
	const hysteresis = `{alert: A, expr: 'v > 40 or v > 30 and on (target) ALERTS{alertname="A", alertstate="firing"}'}`
	const rate, mean = `{alert: A, expr: 'rate(c_total[2m]) > 1'}`, `{alert: A, expr: 'avg_over_time(v[4m]) > 40'}`
	const absent, line = `{alert: A, expr: 'v > 0 unless on (target) up > 0'}`, `{alert: A, expr: 'predict_linear(v[4m], 600) > 100'}`
	for _, test := range []struct {
		name, rule, passes, want string // w(arm) 50, m(iddling) 35, c(ool) 20; a number is a minute without passes
	}{
		{"nothing", plain, "c>c", ""},
		{"firing, still true", plain, "w>ww", "30s raise A sw1"},
		{"firing, still true, killed", plain, "wxww", "30s raise A sw1"},
		{"firing, not true any more", plain, "w>c", "30s raise A sw1; 1m0s clear A sw1"},
		{"firing, not true any more, killed", plain, "wxc", "30s raise A sw1; 1m5s clear A sw1"},
		{"there and back", plain, "w>w>w>c>c>w", "30s raise A sw1; 2m0s clear A sw1; 3m0s raise A sw1"},
		{"for, pending", forTwo, "wwwwww", "2m30s raise A sw1"},
		{"for, over a release", forTwo, "ww>wwwww", "2m30s raise A sw1"},
		{"for, over a death", forTwo, "wwxwwwww", "2m35s raise A sw1"},
		{"for, over a long gap", forTwo, "ww....xwwwww", "4m35s raise A sw1"},
		{"for, over two deaths", forTwo, "wwxxwwwwww", "3m10s raise A sw1"},
		{"for, not true any more", forTwo, "www>cwww", ""},
		{"for, firing", forTwo, "wwwwww>ww", "2m30s raise A sw1"},
		{"keep_firing_for", kept, "wccccccc", "30s raise A sw1; 3m0s clear A sw1"},
		{"keep_firing_for, over a release", kept, "wcc>cccccc", "30s raise A sw1; 3m0s clear A sw1"},
		{"keep_firing_for, over a long gap", kept, "wcc....xccccc", "30s raise A sw1; 5m5s clear A sw1"},
		{"keep_firing_for, true again", kept, "wccx w cccccc", "30s raise A sw1; 4m35s clear A sw1"},
		{"hysteresis, between", hysteresis, "wm>mm", "30s raise A sw1"},
		{"hysteresis, below", hysteresis, "wmxmc", "30s raise A sw1; 2m5s clear A sw1"},
		{"hysteresis, after the clear", hysteresis, "wmc>mmm", "30s raise A sw1; 1m30s clear A sw1"},
		{"rate", rate, "wwwwwxwwwwww", "1m30s raise A sw1"},
		{"rate, over", rate, "wwwwwxcccccccccc", "1m30s raise A sw1; 5m35s clear A sw1"},
		{"avg_over_time, a peak", mean, "ccccccccxwcccccc", ""},
		{"avg_over_time, a peak before the window is half full", mean, "ccccccccxcwcccccc", ""},
		{"avg_over_time, true", mean, "ccccccccxwwwwwwwwww", "6m5s raise A sw1"},
		{"avg_over_time, firing", mean, "wwwwwwwwwwxcwwwwwwwwwww", "2m0s raise A sw1"},
		{"avg_over_time, firing and over", mean, "wwwwwwwwwwxcccccccccccc", "2m0s raise A sw1; 10m5s clear A sw1"},
		{"avg_over_time, first start", mean, "wcccccccc", ""},
		{"avg_over_time, over a release", mean, "ccccccccwww>wwww", "7m0s raise A sw1"},
		{"avg_over_time, firing, over a release", mean, "wwwwwwwwww>ccccc", "2m0s raise A sw1"},
		{"rate, over a release", rate, "cccw>www", "2m30s raise A sw1"},
		{"predict_linear, a step after a death", line, "ccccccccxcwccccccc", ""},
		{"absent", absent, "ccccxcccc", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := startSite(t, 2, test.rule, "sw1")
			shard, owner, counter := shardOf("sw1"), 0, 0
			alive := f.now
			f.members[0].take(shard, time.Time{})
			var got []string
			for _, letter := range strings.ReplaceAll(test.passes, " ", "") {
				if letter != '>' && letter != 'x' {
					f.now = f.now.Add(pollTime)
				}
				switch letter {
				case '>':
					f.members[owner].drop(shard, false)
					owner = 1 - owner
					f.members[owner].take(shard, f.now)
					f.members[owner].restore(f.members[1-owner], "sw1")
				case 'x':
					f.members[owner].drop(shard, true)
					owner = 1 - owner
					f.now = f.now.Add(5 * time.Second)
					f.members[owner].take(shard, alive)
				case '.':
				default:
					v := map[rune]int{'w': 50, 'm': 35, 'c': 20}[letter]
					counter += v
					f.poll("sw1", nil, fmt.Sprintf("v %d", v), fmt.Sprintf("c_total %d", counter))
					alive = f.now
				}
				if sent := f.events(); sent != "" {
					got = append(got, fmt.Sprint(f.now.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), " ", sent))
				}
			}
			if text := strings.Join(got, "; "); text != test.want {
				t.Errorf("sent %q, want %q", text, test.want)
			}
		})
	}
}

// A member whose file lacks a target or a rule that others have clears nothing, until all members have had its file for
// agreedTime, or some time has passed. The alert goes on if the rule or the target comes back before.
func TestOtherFilesClearNothing(t *testing.T) {
	for _, lacks := range []string{"target", "rule"} {
		for _, end := range []string{"agreed", "waited", "back", "moved"} {
			t.Run(lacks+" "+end, func(t *testing.T) {
				f := startSite(t, 2, `{alert: A, expr: v > 40}`, "sw1", "sw2")
				shard := shardOf("sw1")
				a, b := f.members[0], f.members[1]
				all, set := b.all, b.set
				if lacks == "target" {
					b.all = b.all[1:]
				} else {
					b.set = parse(t, "groups: [{name: g, rules: [{alert: B, expr: v > 40}]}]")
				}
				a.take(shard, time.Time{})
				f.now = f.now.Add(pollTime)
				f.poll("sw1", nil, "v 50")
				f.want("warm", "raise A sw1")
				f.agreed = time.Hour // of the file before
				a.drop(shard, false)
				b.take(shard, f.now)
				f.want("taken by a member with another file", "")
				f.agreed = 0
				b.configure()
				f.now = f.now.Add(9 * time.Minute)
				b.e.clearOrphans()
				f.want("nine minutes later", "")
				reason := " (the " + lacks + " is gone)"
				switch end {
				case "agreed":
					f.agreed = 29 * time.Second
					b.e.clearOrphans()
					f.want("not yet agreed", "")
					f.agreed = 30 * time.Second
					b.e.clearOrphans()
					f.want("agreed", "clear A sw1"+reason)
				case "waited":
					f.now = f.now.Add(time.Minute)
					b.e.clearOrphans()
					f.want("ten minutes", "clear A sw1"+reason)
				case "back":
					b.all, b.set = all, set
					b.configure()
					f.poll("sw1", nil, "v 50")
					f.want("as the others", "")
					f.now = f.now.Add(pollTime)
					f.poll("sw1", nil, "v 20")
					f.want("cool", "clear A sw1")
				case "moved":
					b.drop(shard, true)
					f.now = f.now.Add(time.Hour)
					b.e.clearOrphans()
					a.take(shard, f.now)
					f.poll("sw1", nil, "v 20")
					f.want("back at the first", "clear A sw1")
				}
			})
		}
	}
}

// The baseline of a target moves with it, and is not removed by a member that lacks the target.
func TestBaselinesMove(t *testing.T) {
	f := startSite(t, 2, `{alert: A, expr: v > 40, annotations: {baseline: "true"}}`, "sw1")
	shard := shardOf("sw1")
	a, b := f.members[0], f.members[1]
	all := b.all
	b.all = nil
	a.take(shard, time.Time{})
	f.poll("sw1", nil, "v 20")
	a.drop(shard, false)
	b.take(shard, f.now)
	b.e.clearOrphans()
	f.now = f.now.Add(time.Minute)
	b.e.clearOrphans()
	b.all = all
	b.configure()
	f.poll("sw1", nil, "v 50")
	f.want("warm after the first look", "raise A sw1")
}
