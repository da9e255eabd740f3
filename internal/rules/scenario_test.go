package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
)

const hot = `{alert: Hot, expr: temperature > 40, labels: {severity: major}}`

func TestOneRaiseAndOneClear(t *testing.T) {
	r := start(t, hot)
	r.poll(`temperature{i="1"} 39`, `temperature{i="2"} 39`)
	r.want("cool", "")
	r.poll(`temperature{i="1"} 41`, `temperature{i="2"} 39`)
	r.want("hot", "raise Hot i=1")
	r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 39`)
	r.want("hotter", "")
	r.poll(`temperature{i="1"} 40`, `temperature{i="2"} 39`)
	r.want("cool again", "clear Hot i=1")
	r.poll(`temperature{i="1"} 39`, `temperature{i="2"} 39`)
	r.want("cooler", "")
	r.poll(`temperature{i="1"} 41`, `temperature{i="2"} 41`)
	if got := r.take(); got != "raise Hot i=1, raise Hot i=2" && got != "raise Hot i=2, raise Hot i=1" {
		t.Errorf("both hot: %q", got)
	}
}

// cool and warm are passes.
func (r *rig) cool() { r.Helper(); r.poll(`temperature{i="1"} 20`) }
func (r *rig) warm() { r.Helper(); r.poll(`temperature{i="1"} 50`) }

func TestForDelaysTheRaise(t *testing.T) {
	r := start(t, `{alert: Hot, expr: temperature > 40, for: 1m}`)
	r.warm()
	r.warm()
	r.want("after 30 s", "")
	r.cool()
	r.warm()
	r.warm()
	r.want("after 30 s again", "")
	r.warm()
	r.want("after a minute", "raise Hot i=1")
	r.cool()
	r.want("cool", "clear Hot i=1")
}

func TestKeepFiringForDelaysTheClear(t *testing.T) {
	r := start(t, `{alert: Hot, expr: temperature > 40, keep_firing_for: 1m}`)
	r.warm()
	r.want("warm", "raise Hot i=1")
	r.cool()
	r.cool()
	r.want("cool for 30 s", "")
	r.cool()
	r.want("cool for a minute", "clear Hot i=1")
}

func TestFlapping(t *testing.T) {
	r := start(t, hot)
	for range 3 {
		r.warm()
		r.want("warm", "raise Hot i=1")
		r.cool()
		r.want("cool", "clear Hot i=1")
	}
}

// A restart must not change alarms: a row for each state before it, and the state of the device after it.
func TestRestarts(t *testing.T) {
	const forMinute, kept, hysteresis = `{alert: Hot, expr: temperature > 40, for: 1m}`, `{alert: Hot, expr: temperature > 40, keep_firing_for: 2m}`,
		`{alert: Hot, expr: 'temperature > 40 or temperature > 30 and on (target, i) ALERTS{alertname="Hot", alertstate="firing"}'}`
	for _, test := range []struct {
		name, rule    string
		before, after string // a letter for each pass: w(arm), m(iddling), c(ool), - a minute later
		sent, want    string // before and after
	}{
		{"nothing", hot, "c", "c", "", ""},
		{"firing, still true", hot, "w", "ww", "raise Hot i=1", ""},
		{"firing, not true any more", hot, "w", "cc", "raise Hot i=1", "clear Hot i=1"},
		{"firing, and again", hot, "w", "cw", "raise Hot i=1", "clear Hot i=1, raise Hot i=1"},
		{"cleared", hot, "wc", "cc", "raise Hot i=1, clear Hot i=1", ""},
		{"cleared, and again", hot, "wc", "w", "raise Hot i=1, clear Hot i=1", "raise Hot i=1"},
		{"pending, still true", forMinute, "w", "w", "", ""},
		{"pending, and long enough", forMinute, "w", "ww", "", "raise Hot i=1"},
		{"pending, not true any more", forMinute, "ww", "cww", "", ""},
		{"firing after for", forMinute, "www", "w", "raise Hot i=1", ""},
		{"firing after for, not true any more", forMinute, "www", "c", "raise Hot i=1", "clear Hot i=1"},
		{"kept, for long", kept, "wcc", "cccc", "raise Hot i=1", "clear Hot i=1"},
		{"kept, not for long", kept, "wcc", "c", "raise Hot i=1", ""},
		{"kept, true again", kept, "wcc", "wccc", "raise Hot i=1", ""},
		{"hysteresis, between", hysteresis, "wm", "mm", "raise Hot i=1", ""},
		{"hysteresis, below", hysteresis, "wm", "mc", "raise Hot i=1", "clear Hot i=1"},
		{"hysteresis, cleared and between", hysteresis, "wmc", "mmm", "raise Hot i=1, clear Hot i=1", ""},
	} {
		for _, down := range []time.Duration{time.Second, 2 * time.Minute, time.Hour} {
			t.Run(fmt.Sprintf("%s, %s", test.name, down), func(t *testing.T) {
				r := start(t, test.rule)
				r.play(test.before)
				r.want("before", test.sent)
				r.restart(down)
				r.taken = 0
				r.want("what is still to be sent", test.sent)
				r.play(test.after)
				r.want("after", test.want)
				r.restart(down)
			})
		}
	}
}

// play makes passes: w(arm), m(iddling), c(ool), x of a target that does not answer.
func (r *rig) play(passes string) {
	r.Helper()
	for _, letter := range passes {
		switch letter {
		case 'w':
			r.warm()
		case 'm':
			r.poll(`temperature{i="1"} 35`)
		case 'c':
			r.cool()
		case 'x':
			r.fail()
		}
	}
}

// The alarms of a target that does not answer stay, however long that lasts, and pending ones do not become firing.
func TestFailedPassesChangeNothing(t *testing.T) {
	for _, test := range []struct{ name, rule, before, after, sent, want string }{
		{"firing", hot, "w", "xxxxxxxxxxxxxxxxxxxxxxxxw", "raise Hot i=1", ""},
		{"firing, then cool", hot, "wxxx", "c", "raise Hot i=1", "clear Hot i=1"},
		{"pending", `{alert: Hot, expr: temperature > 40, for: 1m}`, "wx", "xxxxw", "", ""},
		{"pending, then ripe", `{alert: Hot, expr: temperature > 40, for: 1m}`, "wx", "xxxxwww", "", "raise Hot i=1"},
		{"kept", `{alert: Hot, expr: temperature > 40, keep_firing_for: 1m}`, "wc", "xxxxxxxc", "raise Hot i=1", ""},
		{"hysteresis", `{alert: Hot, expr: 'temperature > 40 or temperature > 30 and on (target, i) ALERTS{alertname="Hot"}'}`, "wm", "xxxxxxxxxxxxxxxxxxxxxxxxxm", "raise Hot i=1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, test.rule)
			r.play(test.before)
			r.want("before", test.sent)
			r.play(test.after)
			r.want("after", test.want)
		})
	}
}

func TestTargetsThatDoNotAnswerMayCountAsEmpty(t *testing.T) {
	r := start(t, hot)
	r.options.OnPollFailure = resolve
	r.configure()
	r.play("wx")
	r.want("no answer", "raise Hot i=1, clear Hot i=1 (the target does not answer)")
}

// Rules about polling itself are evaluated after every poll.
func TestRulesAboutPolling(t *testing.T) {
	r := start(t, `{alert: Gone, expr: trapline_target_up == 0}, {alert: Up, expr: up == 0}, `+hot)
	r.play("wx")
	r.want("no answer", "raise Hot i=1, raise Gone, raise Up")
	r.play("xxx")
	r.want("still none", "")
	r.play("w")
	r.want("an answer", "clear Gone, clear Up")
}

// After an incomplete poll, rules that select missing series are not evaluated, and others are.
func TestIncompletePasses(t *testing.T) {
	r := start(t, hot+`, {alert: Full, expr: used > 90}`)
	broken := &access.Error{Reason: access.ErrorStatus, OID: objectOf("temperature")}
	r.poll(`temperature{i="1"} 50`, `used{d="a"} 95`)
	r.want("all", "raise Hot i=1, raise Full d=a")
	for range 20 {
		r.now = r.now.Add(pollTime)
		r.pollOf(r.targets[0], broken, `used{d="a"} 95`)
	}
	r.want("no temperature", "")
	r.now = r.now.Add(pollTime)
	r.pollOf(r.targets[0], broken, `used{d="a"} 80`)
	r.want("less used", "clear Full d=a")
	r.poll(`temperature{i="1"} 20`, `used{d="a"} 80`)
	r.want("all again", "clear Hot i=1")
}

func TestRowsThatAreGone(t *testing.T) {
	r := start(t, hot)
	r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 50`)
	r.take()
	r.poll(`temperature{i="2"} 50`)
	r.want("one row", "clear Hot i=1 (the row is gone)")
	r.poll(`other 1`)
	r.want("no row", "clear Hot i=2 (the row is gone)")
}

// An alarm of a rule that keeps it lasts until its row is back and in order.
func TestRowsThatAreGoneAreKept(t *testing.T) {
	r := start(t, strings.Replace(hot, "expr:", "annotations: {trap_row_gone: keep}, expr:", 1))
	r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 50`)
	r.take()
	r.poll(`temperature{i="2"} 50`)
	r.want("one row", "")
	r.poll(`other 1`)
	r.want("no row", "")
	r.poll(`temperature{i="1"} 20`)
	r.want("one is back", "clear Hot i=1")
	r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 50`)
	r.want("both are back", "raise Hot i=1")
}

// Alarms whose row is gone and that are kept are cleared by hand, for good; others are not.
func TestKeptAlarmsAreClearedByHand(t *testing.T) {
	r := start(t, strings.Replace(hot, "expr:", "annotations: {trap_row_gone: keep}, expr:", 1))
	clear := func(want string) {
		t.Helper()
		got := ""
		for _, a := range r.outbox.Conditions() {
			_, cleared, err := r.e.ClearKept(a.Target, a.ID, "cleared by anna")
			r.must(err)
			if cleared {
				got += a.Labels["i"]
			}
		}
		if got != want {
			t.Fatalf("%q is cleared, want %q", got, want)
		}
	}
	r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 50`)
	r.take()
	clear("")
	r.poll(`temperature{i="2"} 50`)
	clear("1")
	r.want("by hand", "clear Hot i=1 (cleared by anna)")
	r.restart(time.Minute)
	r.taken = 3
	clear("") // nothing was polled
	r.poll(`temperature{i="2"} 50`)
	r.want("the same rows", "")
	r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 50`)
	r.want("it is back", "raise Hot i=1")
}

func TestAnEvaluationThatFailsChangesNothing(t *testing.T) {
	r := start(t, `{alert: Much, expr: 'a * on (target) b > 10'}`)
	r.poll(`a{i="1"} 5`, `b{i="1"} 5`)
	r.want("much", "raise Much")
	r.poll(`a{i="1"} 5`, `a{i="2"} 5`, `b{i="1"} 5`)
	r.want("two rows to one", "")
	r.poll(`a{i="1"} 5`, `b{i="1"} 1`)
	r.want("little", "clear Much")
}

// Rates over a gap are too low, which clears nothing.
func TestAGapClearsNothing(t *testing.T) {
	for _, expr := range []string{"rate(in_total[5m]) > 90", "irate(in_total[5m]) > 90", "increase(in_total[5m]) > 27000"} {
		for _, down := range []time.Duration{time.Minute, 10 * time.Minute} {
			r := start(t, "{alert: Busy, expr: '"+expr+"'}")
			total := 0.0
			pass := func(perSecond float64) {
				total += perSecond * pollTime.Seconds()
				r.poll(fmt.Sprintf("in_total %g", total))
			}
			for range 20 {
				pass(100)
			}
			r.want(expr, "raise Busy")
			r.restart(down)
			r.taken = 1
			total += 100 * down.Seconds()
			for range 20 {
				pass(100)
			}
			r.want(expr+" after a restart", "")
			for range 10 {
				r.fail()
			}
			total += 100 * 10 * pollTime.Seconds()
			for range 20 {
				pass(100)
			}
			r.want(expr+" after failed passes", "")
			for range 20 {
				pass(0)
			}
			r.want(expr+", and none", "clear Busy")
			r.kill()
		}
	}
}

// A counter that jumps raises nothing.
func TestJumpsOfCountersRaiseNothing(t *testing.T) {
	r := start(t, `{alert: Busy, expr: 'rate(in_total[2m]) > 90'}`)
	pass := func(total float64) { r.Helper(); r.poll(fmt.Sprintf(`in_total{i="1"} %g`, total), `in_total{i="2"} 0`) }
	for i := range 10 {
		pass(1e9 + 300*float64(i))
	}
	for i := range 10 {
		pass(9e8 + 300*float64(i))
	}
	r.want("a jump down", "")
	r.reboots++
	for i := range 10 {
		pass(2e9 + 300*float64(i))
	}
	r.want("a reboot, and more than before", "")
	total := 2e9 + 2700
	passes := func(n int, added float64, since int) {
		r.Helper()
		for range n {
			total += added
			r.poll(fmt.Sprintf(`in_total{i="1"} %g`, total), `in_total{i="2"} 0`, fmt.Sprintf(`ifCounterDiscontinuityTime{i="1"} %d`, since))
		}
	}
	passes(10, 300, 1)
	passes(1, 1e9, 2)
	passes(10, 300, 2)
	r.want("the device says so", "")
	passes(10, 6000, 2)
	r.want("busy", "raise Busy i=1")
}

func TestRulesAndTargetsThatAreGone(t *testing.T) {
	r := start(t, hot+`, {alert: Warm, expr: temperature > 30}`, "sw1", "sw2")
	r.warm()
	r.pollOf(r.targets[1], nil, `temperature{i="1"} 50`)
	r.take()
	r.use(hot)
	r.configure()
	r.want("no rule Warm", "clear Warm i=1 (the rule is gone), clear Warm i=1 (the rule is gone)")
	r.targets = r.targets[:1]
	r.configure()
	r.want("no second target", "clear Hot i=1 (the target is gone)")
	r.warm()
	r.want("go on", "")
	r.use(`{alert: Other, expr: temperature > 99}`)
	r.restart(time.Minute)
	r.take()
	r.cool()
	r.want("cool", "")
	if alarms := r.outbox.Active(); len(alarms) != 0 {
		t.Errorf("active: %v", alarms)
	}
}

// A rule that comes to look at several targets, or no longer does, takes its alarms along.
func TestRulesThatBecomeGlobal(t *testing.T) {
	r := start(t, hot)
	r.warm()
	r.want("hot", "raise Hot i=1")
	for _, expr := range []string{"temperature > 40 and on () absent(none)", "temperature > 40"} {
		r.use(strings.Replace(hot, "temperature > 40", expr, 1))
		r.configure()
		r.configure()
		r.warm()
		r.warm()
		r.want(expr, "")
	}
	r.cool()
	r.want("cool", "clear Hot i=1")
}

// Changes of a rule do not end its alarms, as long as their condition holds.
func TestRulesThatChange(t *testing.T) {
	r := start(t, hot)
	r.warm()
	r.want("hot", "raise Hot i=1")
	for _, rule := range []string{
		`{alert: Hot, expr: temperature > 45, labels: {severity: major}}`, `{alert: Hot, expr: temperature > 45, for: 1h, labels: {severity: major}}`,
		`{alert: Hot, expr: temperature >= 45, keep_firing_for: 1m, labels: {severity: major}, annotations: {value: "{{ $value }}"}}`,
	} {
		r.use(rule)
		r.configure()
		r.warm()
		r.warm()
		r.want(rule, "")
	}
	r.use(`{alert: Hot, expr: temperature > 60, labels: {severity: major}}`)
	r.configure()
	r.warm()
	r.want("not hot by now", "clear Hot i=1")
}

// Rules that look at several targets are evaluated on the interval of their group.
func TestGlobalRules(t *testing.T) {
	r := start(t, `{alert: ManyHot, expr: count(temperature > 40) > 1, for: 30s}, {alert: NoneAtAll, expr: absent(temperature)}`, "sw1", "sw2")
	both := func(a, b float64) {
		r.now = r.now.Add(pollTime)
		r.pollOf(r.targets[0], nil, fmt.Sprintf("temperature %g", a))
		r.pollOf(r.targets[1], nil, fmt.Sprintf("temperature %g", b))
	}
	both(50, 50)
	r.want("the first", "")
	both(50, 50)
	both(50, 50)
	r.want("long enough", "raise ManyHot")
	r.restart(time.Minute)
	r.taken = 1
	both(50, 50)
	both(50, 50)
	r.want("after a restart", "")
	both(50, 20)
	both(50, 20)
	r.want("one is cool", "clear ManyHot")
}

func TestRecordingRules(t *testing.T) {
	r := start(t, `{record: "target:hottest", expr: max by (target) (temperature)}, {alert: Hot, expr: "target:hottest > 40"}, {record: "hottest", expr: max(target:hottest)}, {alert: Hottest, expr: hottest > 45}`)
	r.poll(`temperature{i="1"} 20`, `temperature{i="2"} 50`)
	r.poll(`temperature{i="1"} 20`, `temperature{i="2"} 50`)
	r.want("hot", "raise Hot, raise Hottest")
	r.poll(`temperature{i="1"} 20`, `temperature{i="2"} 20`)
	r.poll(`temperature{i="1"} 20`, `temperature{i="2"} 20`)
	r.want("cool", "clear Hot, clear Hottest")
}
