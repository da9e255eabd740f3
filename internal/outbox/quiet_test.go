package outbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/mute"
	"trapline/internal/outbox/outboxtest"
	"trapline/internal/outbox/queue"
)

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

// quietStep is how exact the times of stories are.
const quietStep = 10 * time.Second

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
		q.hand.rest(q.t, d, quietStep)
	} else {
		settle(d)
	}
}

func (q *quiet) start() {
	route := q.nms.Route("nms-1")
	q.options.Mutes, q.options.interval = quietRules(q.t), quietStep
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

// do performs a line, and returns the notifications of nms-1.
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
	q.settle(quietStep)
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
			want := error(nil)
			if ack == nil && a.Ack == nil {
				want = ErrNotAcknowledged
			}
			if err := q.outbox.Acknowledge(a.ID, ack, q.now()); !errors.Is(err, want) {
				q.t.Fatalf("got %v, want %v", err, want)
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
		fmt.Fprintln(&b, storyLine(line, q.do(line)))
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

// storyLine returns a line of a story with the notifications of nms-1.
func storyLine(line, sent string) string {
	if sent != "" {
		line = fmt.Sprintf("%-20s-> %s", line, sent)
	}
	return "\t\t" + line
}
