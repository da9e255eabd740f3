package outbox

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// inhibitRules has Down inhibit Hot and Wet, Wet inhibit Slow, and Left and Right inhibit each other.
var inhibitRules = []cause.RuleSettings{
	{SourceMatchers: []string{`alertname="Down"`}, TargetMatchers: []string{`alertname=~"Hot|Wet"`}, Equal: []string{"site"}},
	{SourceMatchers: []string{`alertname="Wet"`}, TargetMatchers: []string{`alertname="Slow"`}, Equal: []string{"site"}},
	{SourceMatchers: []string{`alertname="Left"`}, TargetMatchers: []string{`alertname="Right"`}, Equal: []string{"site"}},
	{SourceMatchers: []string{`alertname="Right"`}, TargetMatchers: []string{`alertname="Left"`}, Equal: []string{"site"}},
}

// inhibitTable is what receivers are sent of alarms that others inhibit, as quietTable.
var inhibitTable = []struct{ name, story string }{
	{"begins and ends while inhibited: never sent", `
		Down begins, major  -> raise Down
		Hot begins, major
		Hot ends
		Down ends           -> clear Down
	`},
	{"is there when its cause ends: raised at once", `
		Down begins, major  -> raise Down
		Hot begins, major
		an hour passes
		Down ends           -> clear Down, raise Hot
		Hot ends            -> clear Hot
	`},
	{"was sent, is inhibited, goes on: the change of severity at the end", `
		Hot begins, major   -> raise Hot
		Down begins, major  -> raise Down
		Hot is critical
		Down ends           -> change Hot, clear Down
	`},
	{"was sent, is inhibited, ends: cleared at once", `
		Hot begins, major   -> raise Hot
		Down begins, major  -> raise Down
		Hot ends            -> clear Hot
		Down ends           -> clear Down
	`},
	{"inhibited alarms inhibit others", `
		Wet begins, minor   -> raise Wet
		Slow begins, minor
		Down begins, major  -> raise Down
		Wet is major
		Down ends           -> change Wet, clear Down
		Wet ends            -> clear Wet, raise Slow
	`},
	{"silenced alarms inhibit others", `
		silence begins
		Down begins, major
		Hot begins, major
		silence ends        -> raise Down
		Down ends           -> clear Down, raise Hot
	`},
	{"of two that inhibit each other the older is sent", `
		Left begins, major  -> raise Left
		an hour passes
		Right begins, major
		Left ends           -> clear Left, raise Right
		an hour passes
		Left begins, major
		Right ends          -> clear Right, raise Left
	`},
}

func TestInhibitedAlarms(t *testing.T) {
	rules, err := cause.ParseRules(inhibitRules)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range inhibitTable {
		for restart := range strings.Count(row.story, "\n") - 1 {
			synctest.Test(t, func(t *testing.T) {
				q := &quiet{t: t, dir: t.TempDir(), nms: &outboxtest.Receiver{}, options: Options{Inhibit: rules}, receiver: "nms-1"}
				if got := q.run(row.story, restart); got != row.story {
					t.Errorf("%s, restart before line %d:%swant%s", row.name, restart, got, row.story)
				}
			})
		}
	}
}

// What inhibits may come with what it inhibits, in any order, and rules may change: only causes are sent.
func TestInhibitionInOneTransaction(t *testing.T) {
	rules, err := cause.ParseRules(inhibitRules)
	if err != nil {
		t.Fatal(err)
	}
	named := func(name string, active bool) Transition {
		return Transition{Active: active, Alarm: alarm.Alarm{ID: name, Rule: name, Severity: alarm.Major, Labels: map[string]string{"site": "berlin", "name": name}}}
	}
	for _, names := range [][]string{{"Hot", "Down"}, {"Down", "Hot"}} {
		synctest.Test(t, func(t *testing.T) {
			q := &quiet{t: t, dir: t.TempDir(), nms: &outboxtest.Receiver{}, options: Options{Inhibit: rules}, receiver: "nms-1"}
			q.start()
			defer q.stop()
			apply := func(active bool) {
				t.Helper()
				if err := q.outbox.Apply([]Transition{named(names[0], active), named(names[1], active)}, time.Now()); err != nil {
					t.Fatal(err)
				}
				settle(10 * time.Second)
			}
			expect := func(want string) {
				t.Helper()
				var got []string
				for _, e := range q.nms.TakeReceived() {
					got = append(got, string(e.Kind)+" "+e.Alarm.Rule)
				}
				if text := strings.Join(got, ", "); text != want {
					t.Errorf("%q, want %q", text, want)
				}
			}
			apply(true)
			expect("raise Down")
			apply(false)
			expect("clear Down")
			apply(true)
			expect("raise Down")
			if standing := q.outbox.Standings(func(a *alarm.Alarm) bool { return a.Rule == "Hot" }); len(standing[0].InhibitedBy) != 1 || standing[0].Mutes[0].String() != "inhibit Down" {
				t.Errorf("%+v", standing[0])
			}
			q.outbox.SetInhibitRules(nil)
			if err := q.outbox.SetRoutes([]*queue.Route{q.nms.Route("nms-1")}, nil, time.Now()); err != nil {
				t.Fatal(err)
			}
			settle(10 * time.Second)
			expect("raise Hot")
		})
	}
}
