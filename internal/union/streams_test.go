package union_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/api"
	"trapline/internal/cluster/peer"
	"trapline/internal/journal"
	"trapline/internal/outbox/standing"
)

// streamed is a response that is read as it is written.
type streamed struct {
	*httptest.ResponseRecorder
	to *io.PipeWriter
}

func (s streamed) Write(b []byte) (int, error) { return s.to.Write(b) }

// stream sends a request whose answer does not end, but after a minute.
func (s *site) stream(ctx context.Context, q *peer.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	from, to := io.Pipe()
	context.AfterFunc(ctx, func() { _ = to.CloseWithError(io.EOF) })
	at := slices.IndexFunc(s.members, func(m *member) bool { return m.name == q.To.Name })
	go func() {
		defer cancel()
		s.members[at].private.ServeHTTP(streamed{httptest.NewRecorder(), to}, httptest.NewRequestWithContext(ctx, http.MethodGet, q.Path, nil))
		_ = to.Close()
	}()
	return &http.Response{StatusCode: http.StatusOK, Body: from}, nil
}

// Who follows the events of all members has each entry that is selected once, those of one journal in their order, whatever streams
// end and whichever members are silent for a while.
func TestFollowersHaveEachEntryOnce(t *testing.T) {
	for seed := range uint64(6) {
		playOffices(t, func(t *testing.T, s *site, all []*office) {
			random := rand.New(rand.NewPCG(seed, 9))
			want, before := map[string]bool{}, []string{}
			add := func(n int) {
				for range n {
					o, e := all[random.IntN(3)], journal.Event{Kind: journal.Reload, At: time.Now(), Target: []string{"sw-1", "sw-2"}[random.IntN(2)], Text: fmt.Sprint(random.Uint64())}
					o.journal.Note(e)
					if e.Target == "sw-1" {
						want[e.Text] = true
						before = append(before, e.Text)
					}
					time.Sleep(time.Duration(1+random.IntN(9)) * time.Second)
				}
			}
			add(random.IntN(30))
			q := api.EventQuery{Target: "sw-1", Limit: random.IntN(8)}
			begun := len(before)
			if q.Limit == 0 && random.IntN(2) == 0 {
				q.Since = time.Now().Add(-time.Hour)
				begun = 0
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			var got []api.Event
			go func() {
				ended <- all[random.IntN(3)].console.Follow(ctx, q, func(e api.Event) error { got = append(got, e); return nil })
			}()
			synctest.Wait()
			for range 6 {
				add(random.IntN(12))
				name := all[random.IntN(3)].member.name
				s.mu.Lock()
				if s.silent[name] == nil {
					s.silent[name] = func(context.Context) (*http.Response, error) { return nil, errors.New("refused") }
				} else {
					delete(s.silent, name)
				}
				s.mu.Unlock()
			}
			s.mu.Lock()
			clear(s.silent)
			s.mu.Unlock()
			time.Sleep(2 * time.Minute)
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			for i, text := range before { // of those that there were, the last
				if i < begun-q.Limit {
					delete(want, text)
				}
			}
			last := map[string]uint64{}
			for _, e := range got {
				if !want[e.Text] {
					t.Errorf("seed %d: %s of %s a second time, or not wanted", seed, e.Text, e.Member)
				}
				if delete(want, e.Text); e.Member == "" || e.Seq <= last[e.Member] {
					t.Errorf("seed %d: %s: %d after %d", seed, e.Member, e.Seq, last[e.Member])
				}
				last[e.Member] = e.Seq
			}
			if len(want) > 0 {
				t.Errorf("seed %d: %d of %d entries are missing", seed, len(want), len(want)+len(got))
			}
		})
	}
}

// Any member has the events that wait on all, and those that were given up, and has them sent or dropped.
func TestOutboxOfAllMembers(t *testing.T) {
	playOffices(t, func(t *testing.T, s *site, all []*office) {
		s.refuses.Store(true)
		random := rand.New(rand.NewPCG(3, 9))
		for i := range 20 {
			all[random.IntN(3)].apply(t, "Down", fmt.Sprint("sw-", i), "major", true)
			time.Sleep(time.Duration(random.IntN(3)) * time.Second)
		}
		read := func(o *office) (ids []string) {
			t.Helper()
			text, _ := strings.CutPrefix(o.member.get("/api/v1/outbox"), "200 ")
			var list []struct {
				standing.Waiting
				Missing []string
			}
			if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 2 || list[1].Receiver != "slow" {
				t.Fatalf("%v: %s", err, text)
			}
			for i, e := range list[1].Events {
				if ids = append(ids, e.ID); i > 0 && e.At.Before(list[1].Events[i-1].At) {
					t.Errorf("%s is not the oldest", e.ID)
				}
			}
			return append(ids, list[1].Missing...)
		}
		var want []string
		for _, o := range all {
			own, err := o.outbox.Waiting()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range own[1].Events {
				want = append(want, e.ID)
			}
		}
		slices.Sort(want)
		for _, o := range all {
			s.alike("/api/v1/outbox")
			if got := read(o); len(got) != 20 || !slices.Equal(slices.Sorted(slices.Values(got)), want) {
				t.Errorf("%s has %q, want %q", o.member.name, got, want)
			}
		}
		s.silent["poller-2"] = func(context.Context) (*http.Response, error) { return nil, errors.New("refused") }
		if got := read(all[0]); len(got) >= 20 || !strings.Contains(got[len(got)-1], "member poller-2") {
			t.Errorf("with a member silent: %q", got)
		}
		delete(s.silent, "poller-2")
		time.Sleep(4 * time.Second)
		s.refuses.Store(false)
		for _, act := range []string{"nosuch/retry", "slow/retry"} {
			w := httptest.NewRecorder()
			all[1].member.public.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/v1/outbox/"+act, nil))
			if want := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[act == "slow/retry"]; w.Code != want {
				t.Errorf("%s: %d %s", act, w.Code, w.Body)
			}
		}
		time.Sleep(time.Second)
		if got := read(all[2]); len(got) > 0 {
			t.Errorf("after a retry there wait %q", got)
		}
	})
}

// datagram is a notification, or whatever was refused.
type datagram struct {
	target, trap, reason, sender string
	at                           time.Time
}

// received is the answer of a process that has received datagrams.
func received(list []datagram, limit int) (r api.Received) {
	counts, refused, refusers := map[[2]string]uint64{}, map[string]uint64{}, map[[2]string]api.Refuser{}
	for _, d := range list {
		switch {
		case d.reason != "":
			refused[d.reason]++
			one := refusers[[2]string{d.sender, d.reason}]
			refusers[[2]string{d.sender, d.reason}] = api.Refuser{Sender: d.sender, Reason: d.reason, Count: one.Count + 1, Last: d.at}
		case d.target == "":
			r.Unknown = append(r.Unknown, api.UnknownTrap{At: d.at, Device: d.sender, Trap: d.trap})
			fallthrough
		default:
			counts[[2]string{d.target, d.trap}]++
		}
	}
	for key, n := range counts {
		r.Counts = append(r.Counts, api.TrapCount{Target: key[0], Trap: key[1], Count: n})
	}
	for reason, n := range refused {
		r.Refused = append(r.Refused, api.RefusedCount{Reason: reason, Count: n})
	}
	for _, one := range refusers {
		r.Refusers = append(r.Refusers, one)
	}
	slices.SortFunc(r.Counts, func(a, b api.TrapCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Trap, b.Trap))
	})
	slices.SortFunc(r.Refused, func(a, b api.RefusedCount) int { return cmp.Compare(a.Reason, b.Reason) })
	slices.SortFunc(r.Refusers, func(a, b api.Refuser) int { return b.Last.Compare(a.Last) })
	slices.Reverse(r.Unknown)
	r.Total = len(r.Counts)
	r.Counts, r.Unknown, r.Listens = r.Counts[:min(limit, len(r.Counts))], r.Unknown[:min(limit, len(r.Unknown))], []string{":162"}
	return r
}

// Notifications that arrive at members at random are counted and listed as by one process that has them all.
func TestReceivedByAllMembers(t *testing.T) {
	playOffices(t, func(t *testing.T, s *site, all []*office) {
		random := rand.New(rand.NewPCG(4, 9))
		one := func(list ...string) string { return list[random.IntN(len(list))] }
		for range 10 {
			var list []datagram
			for _, o := range all {
				o.datagrams = nil
			}
			for i := range random.IntN(200) {
				d := datagram{target: one("", "sw-1", "sw-2", "sw-3"), trap: one("linkDown", "linkUp", "coldStart"), sender: fmt.Sprint("192.0.2.", random.IntN(9)), at: time.Now().Add(time.Duration(i) * time.Second).UTC()}
				if random.IntN(3) == 0 {
					d.reason = one("acl", "community", "user")
				}
				list = append(list, d)
				o := all[random.IntN(3)]
				o.datagrams = append(o.datagrams, d)
			}
			limit := 1 + random.IntN(20)
			want := received(list, limit)
			for _, o := range all {
				got := o.member.all.Received(limit)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s, limit %d:\n%+v\nwant\n%+v", o.member.name, limit, got, want)
				}
			}
			s.alike(fmt.Sprintf("/api/v1/traps?limit=%d", limit))
		}
	})
}
