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
)

// quietTable is what receivers are sent of alarms that are muted: what happens, and behind the arrow what nms-1 is sent
// because of it. It is the same if Trapline is restarted at any point.
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
	{"repetitions stop", `
		Hot begins, major   -> raise Hot
		a day passes        -> raise Hot repeat 1
		silence begins
		a day passes
		silence ends        -> raise Hot repeat 2
	`},
}

// quiet performs the lines of a story.
type quiet struct {
	*running
	t        *testing.T
	dir      string
	nms      *outboxtest.Receiver
	silences []string // IDs
}

func (q *quiet) start() {
	route := q.nms.Route("nms-1")
	route.RepeatInterval = 20 * time.Hour
	q.running = run(q.t, q.dir, route)
}

func (q *quiet) silence(from, to time.Duration) {
	q.t.Helper()
	matchers, err := mute.Parse(`site="berlin"`)
	if err != nil {
		q.t.Fatal(err)
	}
	now := time.Now()
	id, err := q.outbox.Silence(mute.Silence{Matchers: matchers, StartsAt: now.Add(from), EndsAt: now.Add(to), CreatedBy: "ann", Comment: "core upgrade"}, now)
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
	case line == "silence in an hour":
		q.silence(time.Hour, 100*time.Hour)
	case line == "silence ends":
		if err := q.outbox.Expire(q.silences[0], time.Now()); err != nil {
			q.t.Fatal(err)
		}
	case line == "an hour passes":
		settle(time.Hour)
	case line == "a day passes":
		settle(24 * time.Hour)
	default:
		what, severity := what, what[strings.LastIndexByte(what, ' ')+1:]
		a := alarm.Alarm{ID: name, Rule: name, Severity: alarm.ParseSeverity(severity), Summary: name, Labels: map[string]string{"site": "berlin", "name": name}}
		if err := q.outbox.Apply([]Transition{{Alarm: a, Active: what != "ends"}}, time.Now()); err != nil {
			q.t.Fatal(err)
		}
	}
	settle(10 * time.Second)
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

// run performs a story, with a restart after a number of lines, and returns what happened.
func (q *quiet) run(story string, restart int) (happened string) {
	q.start()
	var b strings.Builder
	for i, line := range strings.Split(strings.Trim(story, "\n\t"), "\n") {
		if i == restart {
			q.stop()
			settle(30 * time.Second)
			q.start()
		}
		line, _, _ := strings.Cut(strings.TrimSpace(line), "->")
		line = strings.TrimSpace(line)
		if sent := q.do(line); sent != "" {
			line = fmt.Sprintf("%-20s-> %s", line, sent)
		}
		fmt.Fprintln(&b, "\t\t"+line)
	}
	q.stop()
	return "\n" + b.String() + "\t"
}

func TestMutedAlarms(t *testing.T) {
	for _, row := range quietTable {
		for restart := range strings.Count(row.story, "\n") - 1 {
			synctest.Test(t, func(t *testing.T) {
				q := &quiet{t: t, dir: t.TempDir(), nms: &outboxtest.Receiver{}}
				if got := q.run(row.story, restart); got != row.story {
					t.Errorf("%s, restart before line %d:%swant%s", row.name, restart, got, row.story)
				}
			})
		}
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
		q := &quiet{t: t, dir: t.TempDir(), nms: &outboxtest.Receiver{}}
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
		if err := q.outbox.Expire("unknown", time.Now()); !errors.Is(err, ErrNoSilence) {
			t.Error(err)
		}
	})
}
