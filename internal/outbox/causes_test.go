package outbox

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/mute"
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

// What is behind a device that is down is not sent, but to receivers that do not want the alarm of that device, which says how
// many there are.
func TestOutages(t *testing.T) {
	down, err := mute.Parse(`alertname="DeviceDown"`)
	if err != nil {
		t.Fatal(err)
	}
	outages := func(behind ...string) *cause.Outages {
		o := &cause.Outages{Down: down, Of: map[string]cause.Outage{}, Behind: map[string][]string{"core": behind}}
		for _, name := range behind {
			o.Of[name] = cause.Outage{Kind: mute.ByCause, Name: "core"}
		}
		return o
	}
	for restart := range 6 {
		synctest.Test(t, func(t *testing.T) {
			dir, all, access := t.TempDir(), &outboxtest.Receiver{}, &outboxtest.Receiver{}
			last := outages()
			var r *running
			start := func() {
				only := access.Route("access")
				only.Matches = func(a *alarm.Alarm) bool { return strings.HasPrefix(a.Target, "access") }
				r = runWith(t, dir, Options{Outages: func(DownOf) *cause.Outages { return last }}, all.Route("all"), only)
			}
			start()
			set := func(o *cause.Outages) {
				if last = o; r.outbox.SetOutages(o, time.Now()) != nil {
					t.Error("not stored")
				}
			}
			say := func(target string, active bool) {
				a := alarm.Alarm{ID: target, Rule: "DeviceDown", Target: target, Severity: alarm.Critical, Summary: target + " does not answer", Labels: map[string]string{"target": target}}
				if err := r.outbox.Apply([]Transition{{Alarm: a, Active: active}}, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			for i, one := range []struct {
				do     func()
				all    string
				access string
			}{
				{func() { set(outages("access-1", "access-2")); say("access-1", true) }, "", ""},
				{func() { say("core", true) }, "raise core does not answer; 2 devices are behind it", ""},
				{func() { say("access-2", true); set(outages("access-1", "access-2", "access-3")) }, "", "raise access-1 does not answer, raise access-2 does not answer"},
				{func() { set(outages("access-1", "access-2", "access-3", "access-4")) }, "change core does not answer; 4 devices are behind it", ""},
				{func() { say("core", false); set(outages("access-1")) }, "clear over: core does not answer, raise access-2 does not answer", ""},
				{func() { say("access-2", false); set(outages()) }, "clear over: access-2 does not answer, raise access-1 does not answer", "clear over: access-2 does not answer"},
			} {
				if i == restart {
					r.stop()
					start()
				}
				one.do()
				settle(10 * time.Second)
				for receiver, want := range map[*outboxtest.Receiver]string{all: one.all, access: one.access} {
					var got []string
					for _, e := range receiver.TakeReceived() {
						got = append(got, string(e.Kind)+" "+e.Alarm.Summary)
					}
					slices.Sort(got) // of different alarms, in any order
					if text := strings.Join(got, ", "); text != want {
						t.Errorf("restart before %d, step %d: %q, want %q", restart, i, text, want)
					}
				}
			}
			r.stop()
		})
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
