package outbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/setting"
	"trapline/internal/statedir"
)

func within(d time.Duration) setting.Duration { return setting.Duration{Duration: d} }

// An alarm that comes and goes is sent with that text, then muted until it has been quiet: what is true then is sent.
func TestAlarmsThatComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &outboxtest.Receiver{}
		route := l.Route("nms")
		r := runWith(t, t.TempDir(), Options{Mutes: &mute.Rules{Flap: &mute.FlapSettings{Changes: 6, Within: within(10 * time.Minute)}}}, route)
		defer func() { r.stop() }()
		flap := func(times int) {
			for range times {
				r.say("+a")
				settle(20 * time.Second)
				r.say("-a")
				settle(20 * time.Second)
			}
		}
		flap(4)
		var texts []string
		for _, e := range l.Received() {
			texts = append(texts, string(e.Kind)+" "+e.Alarm.Summary)
		}
		want := strings.Repeat("raise summary, clear over: summary, ", 3) + "raise summary (comes and goes), clear over: summary"
		if got := strings.Join(texts, ", "); got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
		l.Take()
		flap(30)
		r.expect(l, "")
		r.say("+b")
		settle(time.Second)
		r.expect(l, "raise b")
		r.say("+a")
		settle(5 * time.Minute)
		r.expect(l, "")
		if reasons := fmt.Sprint(r.outbox.Standings(nil)[1].Mutes); reasons != "[flapping]" {
			t.Errorf("muted by %s", reasons)
		}
		settle(6 * time.Minute)
		r.expect(l, "raise a")
		if got := l.Received(); got[len(got)-1].Alarm.Summary != "summary" {
			t.Errorf("when it is quiet, the text is %q", got[len(got)-1].Alarm.Summary)
		}
		r.say("-a")
		settle(time.Minute)
		r.expect(l, "clear a")
	})
}

// Of a storm a receiver is sent the first alarms, a summary, and severe ones; at its end, those that are still there.
func TestStormsAreSummarized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &outboxtest.Receiver{}
		options := Options{Mutes: &mute.Rules{Storm: &mute.StormSettings{Above: 200}}}
		r := runWith(t, dir, options, l.Route("nms"))
		defer func() { r.stop() }()
		apply := func(active bool, from, to int, severity alarm.Severity) {
			t.Helper()
			var all []Transition
			for i := from; i < to; i++ {
				id := fmt.Sprintf("%s-%d", severity, i)
				all = append(all, Transition{Active: active, Alarm: alarm.Alarm{ID: id, Rule: "InterfaceDown", Severity: severity, Summary: "down", Labels: map[string]string{"site": "berlin", "i": id}}})
			}
			if err := r.outbox.Apply(all, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		apply(true, 0, 1000, alarm.Minor)
		apply(true, 0, 10, alarm.Major)
		settle(5 * time.Second)
		summaries, majors, minors := 0, 0, 0
		for _, e := range l.Received() {
			switch {
			case e.Alarm.Rule == mute.StormRule:
				if summaries++; e.Alarm.Summary != "1,000 alarms in 10 s: 1,000 InterfaceDown, site=berlin. Those below major are held back" {
					t.Error(e.Alarm.Summary)
				}
			case e.Alarm.Severity == alarm.Major:
				majors++
			default:
				minors++
			}
		}
		if summaries != 1 || majors != 10 || minors != 200 {
			t.Errorf("%d summaries, %d majors, %d minors", summaries, majors, minors)
		}
		if err := testutil.CollectAndCompare(r.outbox, strings.NewReader(`# HELP trapline_alarm_mutes Alarms that are muted, by the kind of the reason. An alarm may have several.
# TYPE trapline_alarm_mutes gauge
trapline_alarm_mutes{reason="storm"} 800
# HELP trapline_alarms Alarms that are open, by severity and state: raised, muted or acknowledged by a person.
# TYPE trapline_alarms gauge
trapline_alarms{severity="critical",state="raised"} 1
trapline_alarms{severity="major",state="raised"} 10
trapline_alarms{severity="minor",state="muted"} 800
trapline_alarms{severity="minor",state="raised"} 200
`), "trapline_alarms", "trapline_alarm_mutes"); err != nil {
			t.Error(err)
		}
		apply(false, 200, 900, alarm.Minor) // nobody knows of them
		settle(time.Second)
		l.Take()
		settle(time.Minute)
		counts := map[string]int{}
		for _, word := range strings.Split(l.Take(), ", ") {
			kind, _, _ := strings.Cut(word, " ")
			counts[kind]++
		}
		if counts["raise"] != 100 || counts["clear"] != 1 {
			t.Errorf("after the storm: %v", counts)
		}
		entries, err := r.outbox.Journal().Query(t.Context(), journal.Query{Kind: journal.Muted, Limit: 2000})
		if err != nil || len(entries) != 800 {
			t.Errorf("%d entries of mutes, %v", len(entries), err)
		}
	})
}

// Restarts at any moments end no storm: alarms that it holds back are sent once it has been quiet for as long as without
// them, or for as long since the last start.
func TestRestartsEndNoStorm(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			dir, l := t.TempDir(), &outboxtest.Receiver{}
			quiet := time.Duration(2+random.IntN(20)) * time.Second
			options := Options{Mutes: &mute.Rules{Storm: &mute.StormSettings{Above: 20, Within: within(quiet)}}}
			r := runWith(t, dir, options, l.Route("nms"))
			defer func() { r.stop() }()
			var all []Transition
			for i := range 60 {
				id := fmt.Sprint("a", i)
				all = append(all, Transition{Active: true, Alarm: alarm.Alarm{ID: id, Rule: "InterfaceDown", Severity: alarm.Minor, Summary: "down"}})
			}
			if err := r.outbox.Apply(all, time.Now()); err != nil {
				t.Fatal(err)
			}
			ended := time.Now() // of raises, or the last start
			settle(time.Second)
			l.Take()
			for range random.IntN(6) {
				settle(time.Duration(random.Int64N(int64(quiet - time.Second))))
				r.stop()
				settle(time.Duration(random.Int64N(int64(time.Hour)))) // which is no run time
				r = runWith(t, dir, options, l.Route("nms"))
				ended = time.Now()
				settle(0)
				if _, a, on := r.outbox.Mutes().Storm(r, r.outbox.state.clock.Run()); !on || a != nil {
					t.Fatalf("a storm after the restart: %v, renewed by %+v", on, a)
				}
			}
			settle(time.Until(ended.Add(quiet - 100*time.Millisecond)))
			if got := strings.ReplaceAll(l.Take(), "resync ", ""); strings.Contains(got, "raise") || strings.Contains(got, "clear") {
				t.Errorf("sent in the storm: %s", got)
			}
			settle(5 * time.Second)
			if got := l.Take(); strings.Count(got, "raise") != 40 || strings.Count(got, "clear") != 1 {
				t.Errorf("after the storm: %s", got)
			}
		})
	}
}

// A restart does not calm an alarm that comes and goes: it is sent once it has been quiet since the start.
func TestRestartsCalmNoAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &outboxtest.Receiver{}
		options := Options{Mutes: &mute.Rules{Flap: &mute.FlapSettings{Changes: 4, Within: within(10 * time.Minute)}}}
		r := runWith(t, dir, options, l.Route("nms"))
		defer func() { r.stop() }()
		for range 4 {
			r.say("-a")
			r.say("+a")
			settle(10 * time.Second)
		}
		r.say("-a")
		settle(time.Minute)
		l.Take()
		r.say("+a")
		settle(time.Minute)
		r.stop()
		r = runWith(t, dir, options, l.Route("nms"))
		settle(9 * time.Minute)
		r.expect(l, "")
		settle(2 * time.Minute)
		r.expect(l, "raise a")
	})
}

// Nothing that comes and goes, and no storm, loses or doubles anything: at the end receivers know the active alarms.
func TestUnrestIsTrueInTheEnd(t *testing.T) {
	for seed := range 10 {
		synctest.Test(t, func(t *testing.T) {
			l := &outboxtest.Receiver{}
			r := runWith(t, t.TempDir(), Options{Mutes: &mute.Rules{
				Flap: &mute.FlapSettings{Changes: 3, Within: within(time.Minute)}, Storm: &mute.StormSettings{Above: 5, Within: within(2 * time.Second)},
			}}, l.Route("nms"))
			active := map[string]bool{}
			for i := range 400 {
				id := fmt.Sprintf("a%d", (i*i+seed*7)%(3+i/40))
				active[id] = !active[id]
				severity := alarm.Severity(3 + (i+seed)%4)
				if err := r.outbox.Apply([]Transition{{Active: active[id], Alarm: alarm.Alarm{ID: id, Severity: severity, Summary: "s"}}}, time.Now()); err != nil {
					t.Fatal(err)
				}
				settle(time.Duration(i%9*i%11) * 300 * time.Millisecond)
			}
			settle(10 * time.Minute)
			knows := map[string]bool{}
			for _, e := range l.Received() {
				if e.Kind == alarm.Raise && knows[e.Alarm.ID] || e.Kind == alarm.Clear && !knows[e.Alarm.ID] {
					t.Errorf("%s %s twice", e.Kind, e.Alarm.ID)
				}
				knows[e.Alarm.ID] = e.Kind != alarm.Clear
			}
			for _, a := range r.outbox.Active() {
				if !knows[a.ID] {
					t.Errorf("%s is active, and the receiver does not know", a.ID)
				}
				delete(knows, a.ID)
			}
			for id, known := range knows {
				if known {
					t.Errorf("%s is over, and the receiver does not know", id)
				}
			}
			r.stop()
		})
	}
}

// The state of 5,000 alarms that three receivers know is small.
func TestTheDatabaseIsSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, l := t.TempDir(), &outboxtest.Receiver{}
		r := run(t, dir, l.Route("nms-1"), l.Route("nms-2"), l.Route("nms-3"))
		for from := 0; from < 5000; from += 500 {
			var all []Transition
			for i := from; i < from+500; i++ {
				a := portOf(i, alarm.Major)
				a.Summary, a.Description = fmt.Sprintf("Gi1/0/%d of dev is down since a minute", i), "The port is enabled and has no link: look at the cable, the transceiver and the peer."
				all = append(all, Transition{Active: true, Alarm: a})
			}
			if err := r.outbox.Apply(all, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		settle(time.Minute)
		if n := len(l.Received()); n != 15_000 {
			t.Errorf("%d were sent", n)
		}
		pages := 0
		if err := r.outbox.state.dir.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
				stats := b.Stats()
				pages += stats.LeafAlloc + stats.BranchAlloc
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		r.stop()
		file, err := os.Stat(filepath.Join(dir, statedir.DatabaseFile))
		if err != nil || pages > 12_000_000 || file.Size() > 25_000_000 { // the file has pages of 15,000 rows that waited
			t.Errorf("%d octets in pages, %v, %v", pages, file, err)
		}
		t.Logf("%.1f MB in pages, the file is %.1f MB", float64(pages)/1e6, float64(file.Size())/1e6)
	})
}
