package outbox

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/outbox/outboxtest"
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
