package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

// quietTable is what receivers are sent of alarms that are muted: what happens, and behind the arrow what nms-1 is sent
// because of it. It is the same if Trapline is restarted at any point. Maintenance CHG-4711 is from 22:00 to 24:00.
var quietTable = []struct{ name, story string }{
	{"begins and ends while muted: never sent", `
		silence begins
		Hot begins, major
		Hot ends
		silence ends
	`},
	{"begins while muted, is there at the end: raised at once", `
		silence begins
		Hot begins, major
		an hour passes
		silence ends        -> raise Hot
		Hot ends            -> clear Hot
	`},
	{"was sent, is muted, goes on: the change of severity at the end", `
		Hot begins, major   -> raise Hot
		silence begins
		Hot is critical
		an hour passes
		silence ends        -> change Hot
		Hot ends            -> clear Hot
	`},
	{"was sent, is muted, goes on unchanged: nothing", `
		Hot begins, major   -> raise Hot
		silence begins
		Hot is critical
		Hot is major
		silence ends
		Hot ends            -> clear Hot
	`},
	{"was sent, is muted, ends: cleared at once", `
		Hot begins, major   -> raise Hot
		silence begins
		Hot ends            -> clear Hot
		silence ends
	`},
	{"was sent, ends, begins again while muted: cleared, raised at the end", `
		Hot begins, major   -> raise Hot
		silence begins
		Hot ends            -> clear Hot
		Hot begins, major
		an hour passes
		silence ends        -> raise Hot
		Hot ends            -> clear Hot
	`},
	{"a silence that ends by itself", `
		Hot begins, major   -> raise Hot
		silence for an hour
		Hot is critical
		Wet begins, minor
		an hour passes      -> change Hot, raise Wet
	`},
	{"a silence that begins later", `
		silence in an hour
		Hot begins, major   -> raise Hot
		an hour passes
		Hot is critical
		Hot ends            -> clear Hot
		Hot begins, major
		silence ends        -> raise Hot
	`},
	{"two silences: the alarm is sent when both have ended", `
		silence begins
		silence for an hour
		Hot begins, major
		silence ends
		an hour passes      -> raise Hot
	`},
	{"a silence until its alarms have been clear for ten minutes", `
		silence until clear
		Hot begins, major
		an hour passes
		Hot ends
		Hot begins, major
		an hour passes
		Hot ends
		12 minutes pass
		Hot begins, major   -> raise Hot
	`},
	{"repetitions stop", `
		receiver repeating
		Hot begins, major   -> raise Hot
		an hour passes      -> raise Hot repeat 1
		silence begins
		an hour passes
		silence ends        -> raise Hot repeat 2
	`},
	{"a maintenance window", `
		it is 21:00
		Hot begins, major   -> raise Hot
		it is 22:30
		Hot is critical
		Wet begins, minor
		it is 23:59
		it is 00:01         -> change Hot, raise Wet
	`},
	{"a silence within a maintenance window", `
		it is 22:30
		silence for an hour
		Hot begins, major
		an hour passes
		an hour passes      -> raise Hot
	`},
	{"a receiver with active_time_intervals from 09:00 to 17:00", `
		receiver office
		it is 08:00
		Hot begins, major
		Wet begins, minor
		Wet ends
		it is 09:01         -> raise Hot
		it is 17:30
		Hot is critical
		Cold begins, minor
		Hot ends            -> clear Hot
		it is 09:01         -> raise Cold
	`},
	{"a receiver with mute_time_intervals from 22:00 to 24:00", `
		receiver day
		it is 21:00
		Hot begins, major   -> raise Hot
		Hot ends            -> clear Hot
		it is 22:30
		Hot begins, major
		it is 00:01         -> raise Hot
	`},
	{"a receiver with a delay of an hour", `
		receiver on-call
		Hot begins, major
		Hot ends
		Hot begins, major
		an hour passes      -> raise Hot
		Hot is critical     -> change Hot
		Hot ends            -> clear Hot
	`},
	{"acknowledged before the delay is over: not sent, unless it gets worse", `
		receiver on-call
		Hot begins, minor
		Hot acknowledged
		an hour passes
		Hot is critical     -> raise Hot
		Hot ends            -> clear Hot
	`},
	{"acknowledged until the alarm ends, however bad it gets", `
		receiver on-call
		Hot begins, minor
		Hot acknowledged, sticky
		an hour passes
		Hot is critical
		Hot ends
		Hot begins, major
		an hour passes      -> raise Hot
	`},
	{"acknowledged for two hours", `
		receiver on-call
		Hot begins, major
		Hot acknowledged for two hours
		an hour passes
		an hour passes      -> raise Hot
	`},
	{"an acknowledgement is taken back", `
		receiver on-call
		Hot begins, major
		Hot acknowledged
		an hour passes
		Hot unacknowledged  -> raise Hot
	`},
	{"an acknowledged alarm is not repeated, and is cleared", `
		receiver repeating
		Hot begins, major   -> raise Hot
		Hot acknowledged
		an hour passes
		Hot is critical     -> change Hot
		Hot ends            -> clear Hot
	`},
	{"a receiver with acknowledgements", `
		receiver manager
		Hot begins, major   -> raise Hot
		Hot acknowledged    -> acknowledge Hot
		Hot unacknowledged  -> acknowledge Hot
		Hot ends            -> clear Hot
	`},
}

// quietRules are the time intervals and the maintenance of the stories.
func quietRules(t *testing.T) *mute.Rules {
	t.Helper()
	daily := func(name, start, end string) mute.Interval {
		return mute.Interval{Name: name, Periods: []mute.Period{{Times: []mute.Times{{Start: start, End: end}}}}}
	}
	r, err := mute.NewRules([]mute.Interval{daily("night", "22:00", "24:00"), daily("office", "09:00", "17:00")},
		[]mute.WindowSettings{{Name: "CHG-4711", Matchers: []string{`site="berlin"`}, During: []string{"night"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// quietRoutes change the receiver of a story.
var quietRoutes = map[string]func(*queue.Route){
	"nms-1":     func(*queue.Route) {},
	"office":    func(r *queue.Route) { r.Active = []string{"office"} },
	"day":       func(r *queue.Route) { r.Mute = []string{"night"} },
	"on-call":   func(r *queue.Route) { r.Delay, r.UnlessAcked = time.Hour, true },
	"repeating": func(r *queue.Route) { r.RepeatInterval = 50 * time.Minute },
	"manager":   func(r *queue.Route) { r.Acks = true },
}

// quiet performs the lines of a story.
type quiet struct {
	*running
	t        *testing.T
	dir      string
	nms      *outboxtest.Receiver
	options  Options
	silences []string // IDs
	receiver string

	hand *byHand // nil: the outbox runs, in a bubble of synctest
}

func (q *quiet) now() time.Time {
	if q.hand != nil {
		return q.hand.now()
	}
	return time.Now()
}

func (q *quiet) settle(d time.Duration) {
	if q.hand != nil {
		q.hand.rest(q.t, d, 10*time.Second)
	} else {
		settle(d)
	}
}

func (q *quiet) start() {
	route := q.nms.Route("nms-1")
	q.options.Mutes = quietRules(q.t)
	quietRoutes[q.receiver](route)
	q.running = runWith(q.t, q.dir, q.options, route)
}

func (q *quiet) silence(from, to time.Duration, untilClear ...string) {
	q.t.Helper()
	matchers, err := mute.Parse(`site="berlin"`)
	if err != nil {
		q.t.Fatal(err)
	}
	now := q.now()
	id, err := q.outbox.Silence(mute.Silence{Matchers: matchers, StartsAt: now.Add(from), EndsAt: now.Add(to), CreatedBy: "ann", Comment: "core upgrade", Annotations: map[string]string{mute.UntilClear: strings.Join(untilClear, "")}}, now)
	if err != nil {
		q.t.Fatal(err)
	}
	q.silences = append(q.silences, id)
}

// do performs a line, and returns what nms-1 is sent.
func (q *quiet) do(line string) string {
	q.t.Helper()
	name, what, _ := strings.Cut(line, " ")
	switch {
	case line == "silence begins":
		q.silence(0, 100*time.Hour)
	case line == "silence for an hour":
		q.silence(0, time.Hour)
	case line == "silence until clear":
		q.silence(0, 100*time.Hour, "true")
	case line == "12 minutes pass":
		q.settle(12 * time.Minute)
	case line == "silence in an hour":
		q.silence(time.Hour, 100*time.Hour)
	case line == "silence ends":
		if err := q.outbox.Expire(q.silences[0], q.now()); err != nil {
			q.t.Fatal(err)
		}
	case line == "an hour passes":
		q.settle(time.Hour)
	case name == "receiver" && q.hand != nil:
		q.receiver = what // of the next process
	case name == "receiver":
		q.stop()
		q.receiver = what
		q.start()
	case name == "it":
		clock, err := time.Parse("is 15:04", what)
		if err != nil {
			q.t.Fatal(err)
		}
		now := q.now().UTC()
		at := now.Truncate(24 * time.Hour).Add(clock.Sub(clock.Truncate(24 * time.Hour)))
		if at.Before(now) {
			at = at.Add(24 * time.Hour)
		}
		q.settle(at.Sub(now))
	case strings.Contains(what, "acknowledged"):
		q.acknowledge(name, what)
	default:
		what, severity := what, what[strings.LastIndexByte(what, ' ')+1:]
		a := alarm.Alarm{ID: name, Rule: name, Severity: alarm.ParseSeverity(severity), Summary: name, Labels: map[string]string{"site": "berlin", "name": name}}
		if err := q.outbox.Apply([]Transition{{Alarm: a, Active: what != "ends"}}, q.now()); err != nil {
			q.t.Fatal(err)
		}
	}
	q.settle(10 * time.Second)
	var words []string
	for _, e := range q.nms.TakeReceived() {
		text := string(e.Kind) + " " + e.Alarm.Rule
		if e.Repeat > 0 {
			text += fmt.Sprintf(" repeat %d", e.Repeat)
		}
		words = append(words, text)
	}
	slices.Sort(words) // of different alarms, in any order
	return strings.Join(words, ", ")
}

// acknowledge acknowledges an alarm.
func (q *quiet) acknowledge(name, what string) {
	q.t.Helper()
	ack := &alarm.Ack{By: "ann", Sticky: strings.Contains(what, "sticky")}
	switch {
	case strings.HasPrefix(what, "un"):
		ack = nil
	case strings.Contains(what, "two hours"):
		ack.Until = q.now().Add(2*time.Hour - time.Minute)
	}
	for _, a := range q.outbox.Active() {
		if a.Rule == name {
			if err := q.outbox.Acknowledge(a.ID, ack, q.now()); err != nil {
				q.t.Fatal(err)
			}
			return
		}
	}
	q.t.Fatalf("%s is not active", name)
}

// run performs a story, with a restart after a number of lines, and returns what happened.
func (q *quiet) run(story string, restart int) (happened string) {
	q.receiver = "nms-1"
	q.start()
	var b strings.Builder
	for i, line := range linesOf(story) {
		if i == restart {
			q.stop()
			settle(30 * time.Second)
			q.start()
		}
		fmt.Fprintln(&b, told(line, q.do(line)))
	}
	q.stop()
	return "\n" + b.String() + "\t"
}

// linesOf returns what happens in a story.
func linesOf(story string) (lines []string) {
	for line := range strings.SplitSeq(strings.Trim(story, "\n\t"), "\n") {
		line, _, _ = strings.Cut(line, "->")
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// told returns a line of a story with what nms-1 is sent.
func told(line, sent string) string {
	if sent != "" {
		line = fmt.Sprintf("%-20s-> %s", line, sent)
	}
	return "\t\t" + line
}

func TestMutedAlarms(t *testing.T) {
	for _, row := range quietTable {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for restart := range strings.Count(row.story, "\n") - 1 {
				synctest.Test(t, func(t *testing.T) {
					q := &quiet{t: t, dir: t.TempDir(), nms: &outboxtest.Receiver{}}
					if got := q.run(row.story, restart); got != row.story {
						t.Errorf("restart before line %d:%swant%s", restart, got, row.story)
					}
				})
			}
		})
	}
}

// The journal has what muted an alarm, once, whatever happens to the process.
func TestMutesAreInTheJournal(t *testing.T) {
	for restart := range 6 {
		synctest.Test(t, func(t *testing.T) {
			q := &quiet{t: t, dir: t.TempDir(), nms: &outboxtest.Receiver{}}
			j, err := journal.Open(journal.Options{})
			if err != nil {
				t.Fatal(err)
			}
			start := func() { q.running = runWith(t, q.dir, Options{Journal: j}, q.nms.Route("nms-1")) }
			start()
			for i, line := range []string{"Hot begins, major", "silence for an hour", "Wet begins, minor", "an hour passes", "Hot ends"} {
				if i == restart {
					q.stop()
					start()
				}
				q.do(line)
			}
			q.stop()
			entries, err := j.Query(context.Background(), journal.Query{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i := len(entries) - 1; i >= 0; i-- {
				if e := &entries[i]; e.Receiver == "" {
					got = append(got, strings.TrimSpace(e.Kind+" "+e.Rule+" "+strings.ReplaceAll(e.Reason, q.silences[0], "ID")))
				}
			}
			const want = "raised Hot; silence_begun; muted Hot silence ID; raised Wet; muted Wet silence ID; silence_ended; unmuted Hot silence ID; unmuted Wet silence ID; cleared Hot condition over"
			if text := strings.Join(got, "; "); text != want {
				t.Errorf("restart before line %d:\n%s, want\n%s", restart, text, want)
			}
		})
	}
}

// A silence that is posted again keeps its ID while that means no other alarms and no other begin.
func TestSilencesAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &quiet{t: t, dir: t.TempDir(), nms: &outboxtest.Receiver{}, receiver: "nms-1"}
		q.start()
		defer q.stop()
		q.silence(0, time.Hour)
		first := *q.outbox.Mutes().Silence(q.silences[0])
		put := func(s mute.Silence) string {
			t.Helper()
			id, err := q.outbox.Silence(s, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		longer := first
		longer.EndsAt = longer.EndsAt.Add(time.Hour)
		if put(longer) != first.ID || !q.outbox.Mutes().Silence(first.ID).EndsAt.Equal(longer.EndsAt) {
			t.Error("a silence with another end has another ID, or keeps its end")
		}
		other := longer
		other.Matchers, _ = mute.Parse(`site="paris"`)
		second := put(other)
		if second == first.ID || q.outbox.Mutes().Silence(first.ID).StateAt(time.Now()) != mute.Expired {
			t.Error("a silence with other matchers keeps its ID, or the first one goes on")
		}
		settle(mute.Retention + time.Hour)
		if n := q.outbox.Mutes().Len(); n != 1 {
			t.Errorf("%d silences are kept", n)
		}
		if err := q.outbox.Expire("unknown", time.Now()); !errors.Is(err, mute.ErrNoSilence) {
			t.Error(err)
		}
	})
}
