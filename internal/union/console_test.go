package union_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/httpapi"
	"trapline/internal/journal"
	"trapline/internal/mute"
	"trapline/internal/notify"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/statedir"
	"trapline/internal/union"
)

// office is a member with alarms.
type office struct {
	member  *member
	outbox  *outbox.Outbox
	journal *journal.Journal
	console *union.Console

	datagrams []datagram // that it has received
}

// playOffices runs a test over three members with alarms.
func playOffices(t *testing.T, during func(*testing.T, *site, []*office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, owner: map[string]*member{}, silent: map[string]func(context.Context) (*http.Response, error){}}
		var all []*office
		ctx, cancel := context.WithCancel(t.Context())
		var ends []func() error
		for i := range 3 {
			o := &office{member: &member{site: s, name: fmt.Sprintf("poller-%d", i+1)}}
			silent := slog.New(slog.DiscardHandler)
			state, err := statedir.Open(t.TempDir(), nil, time.Now())
			if err == nil {
				o.journal, err = journal.Open(journal.Options{Dir: t.TempDir(), Logger: silent})
			}
			if err != nil {
				t.Fatal(err)
			}
			slow := &queue.Route{Name: "slow", Window: 1, MaxAge: time.Hour, Matches: func(*alarm.Alarm) bool { return true },
				Deliver: func(context.Context, *alarm.Event, int32) (originator.Receipt, error) {
					if s.refuses.Load() {
						return originator.Receipt{}, errors.New("refused")
					}
					return originator.Receipt{Sent: 1, RTT: time.Millisecond}, nil
				}}
			route := &queue.Route{Name: "nms", Window: 1, MaxAge: time.Hour, About: queue.About{Type: "inform", Version: "2c", Address: "192.0.2.9"}, Matches: func(*alarm.Alarm) bool { return true },
				Deliver: func(context.Context, *alarm.Event, int32) (originator.Receipt, error) {
					return originator.Receipt{Sent: 1, RTT: time.Millisecond}, nil
				}}
			if o.outbox, err = outbox.New(state, []*queue.Route{route, slow}, outbox.Options{Logger: silent, Metrics: outbox.NewMetrics(prometheus.NewRegistry()), Journal: o.journal}, time.Now()); err != nil {
				t.Fatal(err)
			}
			m := o.member
			m.own = httpapi.New(httpapi.Options{Outbox: o.outbox, Journal: o.journal, Received: func(limit int) api.Received { return received(o.datagrams, limit) }, Started: time.Now(), Guard: httpapi.Guard{Mode: httpapi.ActionsOn}})
			u := union.New(m)
			o.console = union.NewConsole(u, m.own.Own.Console)
			m.fleet = union.NewFleet(u, m.own.Own.Fleet)
			m.all = m.own.ForAll(union.NewProcess(m.fleet), m.fleet, o.console, m.own.Explainer)
			private, public := http.NewServeMux(), http.NewServeMux()
			m.own.RegisterForMembers(private)
			o.console.Register(private)
			m.all.Register(public)
			o.console.ServeOutbox(public)
			m.private, m.public = private, public
			s.members, all = append(s.members, m), append(all, o)
			ended := make(chan error, 1)
			go func() { ended <- o.outbox.Run(ctx) }()
			ends = append(ends, func() error { return errors.Join(<-ended, o.journal.Close(), state.Close()) })
		}
		s.owner[""] = s.members[1]
		during(t, s, all)
		cancel()
		for _, end := range ends {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
	})
}

// apply begins or ends an alarm of a target at the member that has it, and returns its ID.
func (o *office) apply(t *testing.T, rule, target, severity string, active bool) string {
	t.Helper()
	a, err := notify.AlarmOf("", map[string]string{"alertname": rule, "target": target, "severity": severity}, map[string]string{"summary": rule})
	if err == nil {
		err = o.outbox.Apply([]outbox.Transition{{Alarm: a, Active: active}}, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	return o.outbox.Identify(&a)
}

// Any member lists the alarms of all, in one order, shows each with its life, and has its member act on it.
func TestAlarmsOfAllMembers(t *testing.T) {
	playOffices(t, func(t *testing.T, s *site, all []*office) {
		random := rand.New(rand.NewPCG(1, 2))
		ids := map[string]*office{}
		for i := range 30 {
			o := all[random.IntN(3)]
			severity := []string{"critical", "major", "minor"}[random.IntN(3)]
			id := o.apply(t, fmt.Sprint("Rule", i%4), fmt.Sprint("sw-", i), severity, true)
			ids[id] = o
			time.Sleep(time.Duration(random.IntN(3)) * time.Second)
			if i%5 == 0 {
				o.apply(t, fmt.Sprint("Rule", i%4), fmt.Sprint("sw-", i), severity, false)
			}
		}
		time.Sleep(time.Minute)
		for _, path := range []string{"/api/v1/alarms", "/api/v1/alarms?limit=7", "/api/v1/alarms?group=target&format=csv", "/api/v1/alarms?state=cleared", "/api/v1/alarms?q=severity%3D~%22m.*%22", "/api/v1/alarms?state=nosuch", "/api/v1/receivers", "/api/v1/receivers/nms", "/api/v1/receivers/nosuch", "/api/v1/alarms/nosuch"} {
			s.alike(path)
		}
		list, err := all[0].console.Alarms(api.AlarmQuery{})
		if err != nil || len(list) != 24 || !slices.IsSortedFunc(list, func(a, b api.Alarm) int { return strings.Compare(a.Severity, b.Severity) }) {
			t.Fatalf("%d alarms, %v", len(list), err)
		}
		for id, o := range ids {
			s.alike("/api/v1/alarms/" + id)
			by := all[random.IntN(3)]
			one, err := by.console.Alarm(id)
			if err != nil || len(one.Life) == 0 {
				t.Fatalf("%s: %v", id, err)
			}
			if one.State == "cleared" {
				if err := by.console.Acknowledge(id, api.Ack{By: "anna"}); !errors.Is(err, api.ErrNotFound) {
					t.Errorf("acknowledged what has ended: %v", err)
				}
				continue
			}
			if err := by.console.Acknowledge(id, api.Ack{By: "anna", Comment: "known"}); err != nil {
				t.Fatal(err)
			}
			if own, err := o.member.own.Console.Alarm(id); err != nil || own.AckedBy != "anna" {
				t.Errorf("the member that has %s: %+v %v", id, own.AckedBy, err)
			}
			s.alike("/api/v1/alarms/" + id)
			if err := all[random.IntN(3)].console.Unacknowledge(id); err != nil {
				t.Error(err)
			}
			if err := all[random.IntN(3)].console.Resend(id); err != nil {
				t.Error(err)
			}
			if err := by.console.Clear(id, api.Clear{By: "anna"}); !errors.Is(err, api.ErrBusy) {
				t.Errorf("cleared what its sender ends: %v", err)
			}
		}
		matched, err := all[2].console.Matched(api.NewSilence{Matchers: `severity="major"`, For: "1h", By: "anna", Comment: "known"})
		if err != nil || len(matched) == 0 || slices.ContainsFunc(matched, func(a api.Alarm) bool { return a.Severity != "major" }) {
			t.Errorf("%d matched, %v", len(matched), err)
		}

		for id, o := range ids { // what lies with a silent member may be there
			if one, _ := o.member.own.Console.Alarm(id); one.State == "cleared" || o == all[0] {
				continue
			}
			s.silent[o.member.name] = func(ctx context.Context) (*http.Response, error) { <-ctx.Done(); return nil, ctx.Err() }
			for _, err := range []error{all[0].console.Acknowledge(id, api.Ack{By: "anna"}), second(all[0].console.Alarm(id))} {
				if !errors.Is(err, api.ErrUnavailable) || !strings.Contains(err.Error(), o.member.name) {
					t.Errorf("with %s silent: %v", o.member.name, err)
				}
			}
			break
		}
	})
}

func second[T any](_ T, err error) error { return err }

// A silence lies with one member, whoever is asked for it. Without one, it is refused.
func TestSilencesLieWithOneMember(t *testing.T) {
	playOffices(t, func(t *testing.T, s *site, all []*office) {
		id := all[2].apply(t, "Down", "sw-1", "major", true)
		for i, by := range all {
			n := api.NewSilence{Matchers: fmt.Sprintf("rule=%q", fmt.Sprint(i)), For: "1h", By: "anna", Comment: "known"}
			if i == 0 {
				n.Matchers, n.Alarm = "", id
			}
			silence, err := by.console.Silence(n)
			if err != nil {
				t.Fatal(err)
			}
			kept := all[1].outbox.Mutes().Silence(silence)
			if kept == nil || all[0].outbox.Mutes().Silence(silence) != nil || all[2].outbox.Mutes().Silence(silence) != nil {
				t.Fatalf("silence %q by %s lies elsewhere", silence, by.member.name)
			}
			if i == 0 && !strings.Contains(kept.Matchers.String(), `target="sw-1"`) {
				t.Errorf("it mutes %s", kept.Matchers)
			}
			if err := all[(i+1)%3].console.Expire(silence); err != nil || kept.StateAt(time.Now()) == mute.Active && all[1].outbox.Mutes().Silence(silence).StateAt(time.Now()) != mute.Expired {
				t.Errorf("expired: %v", err)
			}
		}
		if _, err := all[0].console.Silence(api.NewSilence{Matchers: "("}); !errors.Is(err, api.ErrBadRequest) {
			t.Error(err)
		}
		s.owner[""] = nil
		if _, err := all[0].console.Silence(api.NewSilence{Matchers: `a="b"`, For: "1h", By: "anna", Comment: "known"}); !errors.Is(err, api.ErrUnavailable) {
			t.Error(err)
		}
	})
}

// The pages of the journals have each entry once, those of one member in its order, and neither more nor fewer than there were at
// the first page, whatever is added meanwhile and whatever the clocks do.
func TestHistoryHasEachEntryOnce(t *testing.T) {
	for seed := range uint64(6) {
		playOffices(t, func(t *testing.T, s *site, all []*office) {
			random := rand.New(rand.NewPCG(seed, 3))
			add := func(n int) {
				for range n {
					o := all[random.IntN(1+int(seed%3))]
					o.journal.Note(journal.Event{Kind: journal.Reload, At: time.Now().Add(time.Duration(random.IntN(3)) * time.Second), Text: fmt.Sprint(random.Uint64())})
					time.Sleep(time.Duration(random.IntN(2)) * time.Second)
				}
			}
			add(20 + random.IntN(60))
			want := map[string]int{}
			for _, o := range all {
				for _, e := range first(o.member.own.Console.Events(api.EventQuery{Limit: 1000})) {
					want[e.Text]++
				}
			}
			by := all[random.IntN(3)].console
			q := api.EventQuery{Limit: 1 + random.IntN(30)}
			last := map[string]uint64{}
			for pages := 0; ; pages++ {
				page, err := by.History(q)
				if err != nil || pages > 200 || len(page.Entries) > q.Limit {
					t.Fatalf("page %d of %d entries: %v", pages, len(page.Entries), err)
				}
				for _, e := range page.Entries {
					want[e.Text]--
					if before := last[e.Member]; e.Member == "" || before > 0 && e.Seq >= before {
						t.Errorf("%s: %d after %d", e.Member, e.Seq, before)
					}
					last[e.Member] = e.Seq
				}
				if q.Cursor = page.Cursor; q.Cursor == "" {
					break
				}
				add(random.IntN(5))
			}
			for text, n := range want {
				if n != 0 {
					t.Errorf("%s: %d times too few", text, n)
				}
			}
			if _, err := by.History(api.EventQuery{Cursor: "poller-1"}); !errors.Is(err, api.ErrBadRequest) {
				t.Error(err)
			}
			s.silent["poller-2"] = func(context.Context) (*http.Response, error) { return nil, errors.New("refused") }
			if all[1].console != by {
				if _, err := by.History(api.EventQuery{Cursor: "poller-2:17"}); !errors.Is(err, api.ErrUnavailable) {
					t.Errorf("only a silent member is left: %v", err)
				}
			}
		})
	}
}

func first[T any](value T, _ error) T { return value }

// Answers are read as they were written: whatever a type of the API has goes over the wire.
func TestAnswersSurviveTheWire(t *testing.T) {
	var n api.NewSilence
	in := api.NewSilence{Matchers: "a=1", Alarm: "x", For: "1h", By: "anna", Comment: "c", UntilClear: true}
	text, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	if err != nil || n != in {
		t.Errorf("%+v %v", n, err)
	}
}

// Whichever member gets an alarm, the one that has its target commits it: one raise, one clear, also if it is sent again because
// an owner was silent, or there was none. What is refused is refused as by one process.
func TestAlarmsAreCommittedByTheirOwners(t *testing.T) {
	for seed := range uint64(4) {
		playOffices(t, func(t *testing.T, s *site, all []*office) {
			random := rand.New(rand.NewPCG(seed, 5))
			var inlets []*union.Alarms
			for _, o := range all {
				one := union.NewAlarms(union.New(o.member), o.outbox)
				one.Register(o.member.private.(*http.ServeMux))
				inlets = append(inlets, one)
			}
			targets := []string{""}
			for i := range 12 {
				name := fmt.Sprint("sw-", i)
				targets = append(targets, name)
				s.owner[name] = s.members[random.IntN(3)]
			}
			homes := map[string]*member{}
			for name, owner := range s.owner {
				homes[name] = owner
			}
			active := map[string]bool{}
			want := map[string]string{} // raises and clears, by alarm
			for range 80 {
				var list []outbox.Transition
				for range 1 + random.IntN(4) {
					target := targets[random.IntN(len(targets))]
					labels := map[string]string{"alertname": "Down", "severity": "major"}
					if target != "" {
						labels["target"] = target
					}
					a, err := notify.AlarmOf("", labels, nil)
					if err != nil || slices.ContainsFunc(list, func(t outbox.Transition) bool { return t.Alarm.ID == a.ID }) {
						continue
					}
					begins := random.IntN(2) == 0
					if begins != active[a.ID] {
						active[a.ID] = begins
						want[all[0].outbox.Identify(&a)] += map[bool]string{true: "+", false: "-"}[begins]
					}
					if !begins && random.IntN(2) == 0 {
						a = alarm.Alarm{ID: a.ID, Reason: "a trap"} // which says no more
					}
					list = append(list, outbox.Transition{Alarm: a, Active: begins, Lease: time.Now().Add(24 * time.Hour)})
				}
				broken := random.IntN(3) == 0
				if broken {
					switch random.IntN(2) {
					case 0:
						s.silent["poller-1"] = func(ctx context.Context) (*http.Response, error) { <-ctx.Done(); return nil, ctx.Err() }
					default:
						for name := range s.owner {
							if random.IntN(2) == 0 {
								s.owner[name] = nil
							}
						}
					}
				}
				by := inlets[random.IntN(3)]
				err := by.Apply(list, time.Now())
				if err != nil && !broken {
					t.Fatal(err)
				}
				if err != nil {
					if !errors.Is(err, api.ErrUnavailable) && !strings.Contains(err.Error(), "no member") {
						t.Fatalf("%v", err)
					}
					delete(s.silent, "poller-1")
					for name, owner := range homes {
						s.owner[name] = owner
					}
					if err := inlets[random.IntN(3)].Apply(list, time.Now()); err != nil { // as Alertmanager does
						t.Fatal(err)
					}
				}
				delete(s.silent, "poller-1")
				for name, owner := range homes {
					s.owner[name] = owner
				}
				time.Sleep(time.Second)
			}
			time.Sleep(time.Minute)
			got := map[string]string{}
			for _, o := range all {
				for _, a := range o.outbox.Active() {
					if homes[a.Target] != o.member {
						t.Errorf("%s has an alarm of %q", o.member.name, a.Target)
					}
				}
				list, err := o.member.own.Console.Events(api.EventQuery{Limit: 10_000})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range slices.Backward(list) {
					switch e.Kind {
					case journal.Raised:
						got[e.Alarm] += "+"
					case journal.Cleared:
						got[e.Alarm] += "-"
					}
				}
			}
			for id, w := range want {
				if got[id] != w {
					t.Errorf("alarm %s: %s, want %s", id, got[id], w)
				}
			}

			many, _ := notify.AlarmOf("", map[string]string{"alertname": "Large", "target": "sw-1"}, map[string]string{"summary": strings.Repeat("x", 300)})
			many.Labels["much"] = strings.Repeat("y", 80<<10)
			full := (*outbox.FullError)(nil)
			for i, by := range inlets {
				if err := by.Apply([]outbox.Transition{{Alarm: many, Active: true}}, time.Now()); !errors.As(err, &full) || len(full.Refused) != 1 || full.Busy {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
}
