package rules

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/journal"
	"trapline/internal/poller"
)

const linkDown = `{alert: Down, expr: link == 2, annotations: {baseline: "true"}}`

func TestBaseline(t *testing.T) {
	r := start(t, linkDown)
	r.poll(`link{i="1"} 2`, `link{i="2"} 1`)
	r.want("the first look", "")
	if held := r.e.Held(); len(held) != 1 || held[0].Resource != "i=1" || held[0].Rule != "Down" || held[0].ID == "" {
		t.Errorf("held are %+v", held)
	}
	r.poll(`link{i="1"} 2`, `link{i="2"} 2`)
	r.want("another one", "raise Down i=2")
	r.poll(`link{i="1"} 1`, `link{i="2"} 2`)
	r.want("the end of what was not sent", "")
	r.poll(`link{i="1"} 2`, `link{i="2"} 1`)
	r.want("once it has changed", "raise Down i=1, clear Down i=2")
	if held := r.e.Held(); len(held) > 0 {
		t.Errorf("still held are %+v", held)
	}
}

// Alerts of the last process are shown from the start, before the first poll: those that are pending, firing, and held.
func TestAlertsOfTheLastProcessAreShownAtOnce(t *testing.T) {
	r := start(t, linkDown+`, {alert: Hot, expr: temperature > 50}, {alert: Warm, expr: temperature > 40, for: 1h}`)
	r.poll(`link{i="1"} 2`, `link{i="2"} 1`, `temperature 60`)
	shown := func() string { return fmt.Sprintln(r.e.Held(), r.e.Alarms(true), r.e.Alarms(false)) }
	before := shown()
	if len(r.e.Held()) != 1 || len(r.e.Alarms(true)) != 2 || len(r.e.Alarms(false)) != 1 {
		t.Fatal(before)
	}
	r.restart(time.Minute)
	if got := shown(); got != before {
		t.Errorf("after a restart:\n%s, before:\n%s", got, before)
	}
	r.poll(`link{i="1"} 1`, `link{i="2"} 1`, `temperature 30`)
	if got := len(r.e.Held()) + len(r.e.Alarms(true)) + len(r.e.Alarms(false)); got > 0 {
		t.Errorf("%d alarms are shown, of which none is left", got)
	}
}

// A look at which a table is missing is none.
func TestBaselineOfTargetsThatDoNotAnswerAtFirst(t *testing.T) {
	r := start(t, linkDown)
	r.fail()
	r.now = r.now.Add(pollTime)
	r.pollOf(r.targets[0], &access.Error{Reason: access.Timeout, OID: objectOf("link")})
	r.poll(`link{i="1"} 2`)
	r.want("the first whole look", "")
	r.poll(`link{i="1"} 2`, `link{i="2"} 2`)
	r.want("a row that comes later", "raise Down i=2")
}

// A rule whose baseline is removed sends the alarms that it held back.
func TestBaselineEndsWithItsAnnotation(t *testing.T) {
	r := start(t, linkDown)
	r.poll(`link{i="1"} 2`)
	r.want("the first look", "")
	r.use(`{alert: Down, expr: link == 2}`)
	r.configure()
	r.poll(`link{i="1"} 2`)
	r.want("without the annotation", "raise Down i=1")
	r.use(linkDown)
	r.configure()
	r.poll(`link{i="1"} 1`)
	r.want("with it again", "clear Down i=1")
}

func TestSeverityOfWhatIsHeld(t *testing.T) {
	r := start(t, `{alert: Down, expr: link > 1, labels: {severity: '{{ if gt $value 2.0 }}critical{{ else }}minor{{ end }}'}, annotations: {baseline: "true"}}`)
	r.poll(`link{i="1"} 2`)
	r.want("the first look", "")
	r.poll(`link{i="1"} 3`)
	r.want("worse", "raise Down i=1")
}

func TestLintOfBaselines(t *testing.T) {
	for text, want := range map[string]string{
		`{alert: A, expr: link == 2, annotations: {baseline: "yes"}}`:       `the annotation baseline is "true", or an expression`,
		`{alert: A, expr: link == 2, annotations: {baseline: "link = 1"}}`:  `the annotation baseline is "true", or an expression`,
		`{alert: A, expr: link == 2, annotations: {baseline: "sum(link)"}}`: "the annotation baseline: sum(link) mixes targets",
		`{alert: A, expr: link == 2, annotations: {baseline: "link == 1"}}`: "",
		`{alert: A, expr: sum(link) == 2, annotations: {baseline: "true"}}`: "the annotation baseline has no effect",
		linkDown: "",
	} {
		got := ""
		for _, f := range parse(t, "groups: [{name: g, rules: [\n"+text+"\n]}]").Lint(&Environment{}) {
			if strings.Contains(f.Text, "baseline") {
				got = f.Text
			}
		}
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// links is a model of the notifications of a rule with a baseline, under any sequence of events.
type links struct {
	rig    *rig
	rng    *rand.Rand
	down   map[string]bool // rows, as they are
	held   map[string]bool // that are down since the first look
	raised map[string]bool
	looked bool
}

// poll changes some rows and returns the notifications that must be sent.
func (l *links) poll() (want []string) {
	var rows []string
	for _, row := range []string{"1", "2", "3"} {
		if l.rng.IntN(3) == 0 {
			l.down[row] = !l.down[row]
		}
		value := 1
		if l.down[row] {
			value = 2
		}
		rows = append(rows, fmt.Sprintf(`link{i="%s"} %d`, row, value))
		switch {
		case l.down[row] && !l.looked:
			l.held[row] = true
		case l.down[row] && !l.held[row] && !l.raised[row]:
			l.raised[row] = true
			want = append(want, "raise Down i="+row)
		case !l.down[row]:
			if l.raised[row] {
				want = append(want, "clear Down i="+row)
			}
			delete(l.held, row)
			delete(l.raised, row)
		}
	}
	l.looked = true
	l.rig.poll(rows...)
	return want
}

// leave removes the target or the rule and adds it again: raised alarms are cleared, and another baseline follows.
func (l *links) leave() (want []string) {
	for row := range l.raised {
		want = append(want, "clear Down i="+row)
	}
	set, targets := l.rig.set, l.rig.targets
	if l.rng.IntN(2) == 0 {
		l.rig.targets = nil
	} else {
		l.rig.use(`{alert: Other, expr: link == 3}`)
	}
	l.rig.configure()
	l.rig.set, l.rig.targets = set, targets
	l.rig.configure()
	l.rig.fail() // with the next poll it is stored that a rule was gone
	l.looked, l.held, l.raised = false, map[string]bool{}, map[string]bool{}
	return want
}

// A row that is down since the first look is not sent, and every other change is, once: whatever comes in between.
func TestBaselineLaw(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			r := startKept(t, linkDown)
			l := &links{rig: r, rng: rng, down: map[string]bool{}, held: map[string]bool{}, raised: map[string]bool{}}
			for range 25 {
				what, want := "poll", []string(nil)
				switch rng.IntN(10) {
				case 0:
					what = "restart"
					sent := l.rig.taken
					l.rig.restart(time.Duration(rng.IntN(600)) * time.Second)
					l.rig.taken = sent
				case 1:
					what = "reload"
					l.rig.configure()
				case 2:
					what = "no answer"
					l.rig.fail()
				case 3:
					what, want = "leave", l.leave()
				default:
					want = l.poll()
				}
				got := l.sent()
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Fatalf("%s: sent %q, want %q", what, got, want)
				}
				l.expectJournal(what)
				if shown := l.shown(); what == "poll" && !maps.Equal(shown, l.held) {
					t.Fatalf("%s: held are %v, want %v", what, shown, l.held)
				}
			}
		})
	}
}

// startKept is start with a journal that outlives the process.
func startKept(t *testing.T, rules string) *rig {
	t.Helper()
	r := &rig{T: t, dir: t.TempDir(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), kept: true, targets: []*poller.Target{target("sw1")}}
	r.use(rules)
	r.run()
	t.Cleanup(r.kill)
	return r
}

// expectJournal expects that the last that the journal has of each active alarm, held or sent, is its raise, and of the
// others their end. Alerts that an earlier process held are shown from the first poll on.
func (l *links) expectJournal(what string) {
	l.rig.Helper()
	if l.rng.IntN(2) == 0 {
		l.rig.must(l.rig.outbox.Journal().Flush())
	}
	entries, err := l.rig.outbox.Journal().Query(l.rig.Context(), journal.Query{Limit: 10_000, Forward: true})
	l.rig.must(err)
	last := map[string]string{}
	for i := range entries {
		if e := &entries[i]; e.Kind == journal.Raised || e.Kind == journal.Cleared {
			if e.Kind == last[e.Alarm] && e.Kind == journal.Cleared {
				l.rig.Errorf("%s: alarm %s is cleared twice", what, e.Resource)
			}
			last[e.Alarm] = e.Kind
		}
	}
	active := map[string]bool{}
	for _, a := range slices.Concat(l.rig.e.Held(), l.rig.outbox.Active()) {
		id := l.rig.outbox.Identify(&a)
		if active[id] = true; last[id] != journal.Raised {
			l.rig.Errorf("%s: the last entry of the active alarm %s is %q", what, a.Resource, last[id])
		}
	}
	for id, kind := range last {
		if kind == journal.Raised && !active[id] && what == "poll" {
			l.rig.Errorf("%s: alarm %s is over, and the journal has no end of it", what, id)
		}
	}
}

// sent returns the notifications of receivers, without reasons.
func (l *links) sent() (list []string) {
	for text := range strings.SplitSeq(l.rig.take(), ", ") {
		if text, _, _ = strings.Cut(text, " ("); text != "" {
			list = append(list, text)
		}
	}
	slices.Sort(list)
	return list
}

func (l *links) shown() map[string]bool {
	rows := map[string]bool{}
	for _, a := range l.rig.e.Held() {
		rows[strings.TrimPrefix(a.Resource, "i=")] = true
	}
	return rows
}
