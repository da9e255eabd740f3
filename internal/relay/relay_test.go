package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/cluster/peer"
	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// site are members that hand each other notifications.
type site struct {
	mu      sync.Mutex
	r       *rand.Rand
	holder  map[string]string // by owner, each of which is a shard
	relays  map[string]*Relay
	muxes   map[string]*http.ServeMux
	faults  map[string]int // how a member fails: see Open
	refuses int            // of ten notifications, how many are not taken

	taken map[string][]string // by owner, in order
	ids   map[uint64]bool
}

func (s *site) Holder(shard string) peer.Member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return peer.Member{Name: s.holder[shard]}
}

func (s *site) peers(but string) func() []peer.Member {
	return func() (list []peer.Member) {
		for _, name := range []string{"a", "b", "c"} {
			if name != but {
				list = append(list, peer.Member{Name: name})
			}
		}
		return list
	}
}

// The ways in which a member fails.
const (
	well    = iota
	silent  // it does not answer
	absent  // nobody is there
	forgets // the answer is lost
)

func (s *site) Open(ctx context.Context, q *peer.Request) (*http.Response, error) {
	s.mu.Lock()
	fault := s.faults[q.To.Name]
	s.mu.Unlock()
	switch fault {
	case silent:
		<-ctx.Done()
		return nil, ctx.Err()
	case absent:
		return nil, errors.New("connection refused")
	}
	w := httptest.NewRecorder()
	s.muxes[q.To.Name].ServeHTTP(w, httptest.NewRequestWithContext(ctx, q.Method, q.Path, bytes.NewReader(q.Body)))
	if fault == forgets {
		return nil, io.ErrUnexpectedEOF
	}
	return w.Result(), nil
}

// take takes notifications as a listener does: one that was taken before is not taken again.
func (s *site) take(member string) func(context.Context, []*Notification) []bool {
	return func(_ context.Context, list []*Notification) []bool {
		time.Sleep(time.Millisecond)
		s.mu.Lock()
		defer s.mu.Unlock()
		results := make([]bool, len(list))
		for i, n := range list {
			if results[i] = s.ids[n.ID] || s.r.IntN(10) >= s.refuses; results[i] && !s.ids[n.ID] {
				s.ids[n.ID] = true
				s.taken[n.Owner] = append(s.taken[n.Owner], string(n.Received().VarBinds))
			}
		}
		return results
	}
}

// play has members run. learn may say what each does with devices that it learns about.
func play(t *testing.T, seed uint64, during func(*site), learn ...func(member string) func([]Device)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &site{r: rand.New(rand.NewPCG(seed, 1)), holder: map[string]string{}, relays: map[string]*Relay{}, muxes: map[string]*http.ServeMux{}, faults: map[string]int{}, taken: map[string][]string{}, ids: map[uint64]bool{}}
		ctx, cancel := context.WithCancel(t.Context())
		var ended sync.WaitGroup
		for _, name := range []string{"a", "b", "c"} {
			o := Options{Name: name, Shard: func(owner string) string { return owner }, Holder: s.Holder, Open: s.Open, Take: s.take(name), Logger: slog.New(slog.DiscardHandler)}
			for _, f := range learn {
				o.Peers, o.Learn = s.peers(name), f(name)
			}
			r := New(o)
			for i := range 6 {
				r.Accept(fmt.Sprint("sw-", i))
			}
			s.relays[name], s.muxes[name] = r, http.NewServeMux()
			r.Register(s.muxes[name])
		}
		for _, r := range s.relays {
			ended.Go(func() {
				if err := r.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		during(s)
		cancel()
		ended.Wait()
	})
}

// left returns the sum of all that is counted of notifications that wait.
func (r *Relay) left() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count + r.octets + len(r.order) + len(r.waiting)
}

func notification(owner, text string, inform bool) *Notification {
	return NewNotification(owner, netip.MustParseAddr("192.0.2.1"), time.Now(), &originator.Received{From: netip.MustParseAddrPort("192.0.2.1:162"), Version: snmp.V2c, Name: "public", Inform: inform, VarBinds: []byte(text)})
}

// Whatever moves, falls silent, refuses, or loses answers, each notification is taken once, those of a device that one member has
// received in their order, and an inform is acknowledged once it was taken, and not before.
func TestNotificationsAreTakenOnceAndInOrder(t *testing.T) {
	for seed := range uint64(30) {
		play(t, seed, func(s *site) {
			names := []string{"a", "b", "c"}
			receives := map[string]string{} // which member a device sends to
			for i := range 6 {
				receives[fmt.Sprint("sw-", i)] = names[s.r.IntN(3)]
			}
			want := map[string][]string{}
			acknowledged := map[string]bool{}
			for n := range 150 {
				s.mu.Lock()
				owner := fmt.Sprint("sw-", s.r.IntN(6))
				if s.r.IntN(4) == 0 {
					s.holder[owner] = append(names, "")[s.r.IntN(4)]
				}
				if s.r.IntN(8) == 0 {
					s.faults[names[s.r.IntN(3)]] = s.r.IntN(4)
				}
				s.refuses = s.r.IntN(3)
				inform, pause := s.r.IntN(3) == 0, time.Duration(s.r.IntN(1500))*time.Millisecond
				s.mu.Unlock()
				text := fmt.Sprint(n)
				var acknowledge func()
				if inform {
					acknowledge = func() {
						s.mu.Lock()
						defer s.mu.Unlock()
						acknowledged[text] = true
						if !slices.Contains(s.taken[owner], text) {
							t.Errorf("seed %d: %s is acknowledged, and was not taken", seed, text)
						}
					}
				} else {
					want[owner] = append(want[owner], text)
				}
				s.relays[receives[owner]].Hand(notification(owner, text, inform), acknowledge)
				time.Sleep(pause)
			}
			s.mu.Lock()
			clear(s.faults)
			for owner := range receives {
				s.holder[owner] = "b"
			}
			s.mu.Unlock()
			time.Sleep(time.Minute)
			for _, name := range names {
				if n := s.relays[name].left(); n != 0 {
					t.Errorf("seed %d: %s has %d left", seed, name, n)
				}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			for owner, list := range s.taken {
				traps := slices.DeleteFunc(slices.Clone(list), func(text string) bool { return !slices.Contains(want[owner], text) })
				if !slices.Equal(slices.Sorted(slices.Values(traps)), slices.Sorted(slices.Values(want[owner]))) {
					t.Errorf("seed %d: of %s %v were taken, want %v", seed, owner, traps, want[owner])
				}
				for _, text := range list {
					if inform := !slices.Contains(want[owner], text); inform != acknowledged[text] && !inform {
						t.Errorf("seed %d: %s is acknowledged: %v", seed, text, acknowledged[text])
					}
				}
			}
		})
	}
}

// With an owner that takes all, those of a device come in the order in which they were received.
func TestNotificationsOfADeviceStayInOrder(t *testing.T) {
	for seed := range uint64(20) {
		play(t, seed, func(s *site) {
			s.holder["sw-1"] = "b"
			var want []string
			for n := range 200 {
				want = append(want, fmt.Sprint(n))
				s.relays["a"].Hand(notification("sw-1", fmt.Sprint(n), false), nil)
				s.mu.Lock()
				switch s.r.IntN(20) {
				case 0:
					s.faults["b"] = s.r.IntN(4)
				case 1:
					s.holder["sw-1"] = []string{"a", "b", "c", ""}[s.r.IntN(4)]
				}
				pause := time.Duration(s.r.IntN(800)) * time.Millisecond
				s.mu.Unlock()
				time.Sleep(pause)
				r := s.relays["a"]
				if waits := r.left() > 0; waits {
					if _, here := r.Shard("sw-1"); here && r.left() > 0 {
						t.Error("a later one would overtake those that wait")
					}
				}
			}
			s.mu.Lock()
			clear(s.faults)
			s.holder["sw-1"] = "c"
			s.mu.Unlock()
			time.Sleep(time.Minute)
			s.mu.Lock()
			defer s.mu.Unlock()
			if got := s.taken["sw-1"]; !slices.Equal(got, want) {
				t.Errorf("seed %d: %v", seed, got)
			}
		})
	}
}

// The next owner of a shard learns which notifications were taken, and takes none until then. It waits two seconds for that, and goes on without
// what is none. Whoever has lost the shard takes none once it has said which ones it took.
func TestTheNextOwnerLearnsWhichNotificationsWereTaken(t *testing.T) {
	for seed := range uint64(20) {
		play(t, seed, func(s *site) {
			a, b := s.relays["a"], s.relays["b"]
			sent, given := &Memory{}, ""
			for _, list := range []*[]Taken{&sent.Traps, &sent.Informs, &sent.Handed, &sent.Conditions} {
				for range s.r.IntN(5) {
					*list = append(*list, Taken{s.r.Uint64(), time.Duration(s.r.Int64N(int64(TrapTime)))})
				}
			}
			a.options.Remembered = func(string) *Memory { return sent }
			a.options.Settle = func(ctx context.Context) {
				if s.r.IntN(2) == 0 {
					<-ctx.Done()
				}
			}
			a.options.Given = func(shard string) { given = shard }
			var learned *Memory
			b.options.Remember = func(shard string, m *Memory, written time.Time) {
				if learned = m; shard != "sw-1" || time.Since(written) != 0 {
					t.Errorf("seed %d: of %s, written %v ago", seed, shard, time.Since(written))
				}
			}
			s.mu.Lock()
			s.holder["sw-1"] = "a"
			s.mu.Unlock()
			if !a.Accepts("sw-1") || b.Accepts("sw-1") {
				t.Error("another one than the owner takes notifications")
			}
			if s.r.IntN(2) == 0 {
				if a.Release("sw-1") == sent.Empty() || a.Accepts("sw-1") {
					t.Error("after it was released")
				}
			} else if a.Lose("sw-1"); a.Accepts("sw-1") {
				t.Error("after it was lost")
			}
			fault := s.r.IntN(4)
			s.mu.Lock()
			s.holder["sw-1"], s.faults["a"] = "b", fault
			s.mu.Unlock()
			begun := time.Now()
			b.Fetch(context.Background(), "sw-1", peer.Member{Name: "a"})
			if took := time.Since(begun); took > max(memoryWait, settleWait) {
				t.Errorf("seed %d: it takes %v", seed, took)
			}
			if b.Accepts("sw-1") {
				t.Error("notifications are taken before Accept")
			}
			if fault == well && (fmt.Sprint(learned) != fmt.Sprint(sent) || given != "sw-1") || fault != well && learned != nil {
				t.Errorf("seed %d: with the fault %d it learns %v, of %v", seed, fault, learned, sent)
			}
			if b.Accept("sw-1"); !b.Accepts("sw-1") {
				t.Error("none are taken after Accept")
			}
			s.mu.Lock()
			s.holder["sw-1"] = "a" // as the view of the last owner may still say
			s.mu.Unlock()
			if fault == well && a.Accepts("sw-1") {
				t.Errorf("seed %d: the last owner takes more", seed)
			}
		})
	}
}

// A member that took a shard again takes its notifications, also if another one, which had the shard meanwhile, asks late, and the member
// has not heard from the engine that it is the owner. One that has lost a shard takes none until it has asked the last owner, whatever it hears.
func TestAShardThatWasTakenAgain(t *testing.T) {
	play(t, 1, func(s *site) {
		a := s.relays["a"]
		for _, r := range s.relays {
			r.options.Remembered = func(string) *Memory { return &Memory{} }
			r.options.Settle = func(context.Context) {}
			r.options.Remember = func(string, *Memory, time.Time) {}
		}
		owned := func(by string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.holder["sw-1"] = by
		}
		owned("b")
		a.Lose("sw-1")
		owned("a")
		if a.Accepts("sw-1") {
			t.Error("it does not ask the last owner")
		}
		owned("b")
		a.Fetch(context.Background(), "sw-1", peer.Member{Name: "b"})
		a.Accept("sw-1")
		s.relays["b"].Fetch(context.Background(), "sw-1", peer.Member{Name: "a"})
		owned("a")
		if !a.Accepts("sw-1") {
			t.Error("its notifications wait for ever")
		}
	})
}

// A member that leaves waits until others have the notifications that wait for them, and no longer than it may.
func TestFlushWaitsForTheOwners(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, time.Minute} {
		play(t, 1, func(s *site) {
			r := s.relays["a"]
			for i := range 5 {
				r.Hand(notification("sw-1", fmt.Sprint(i), false), nil)
			}
			time.AfterFunc(after, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.holder["sw-1"] = "b"
			})
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			begun := time.Now()
			r.Flush(ctx)
			if took := time.Since(begun); r.left() >= 5 != (after == time.Minute) || took > after+2*retryTime && took != 5*time.Second {
				t.Errorf("with an owner after %v it takes %v, and %d are left", after, took, r.left())
			}
		})
	}
}

// Without an owner traps are kept for five minutes, informs for seconds, and of both a bounded number.
func TestWaitingNotificationsAreBounded(t *testing.T) {
	play(t, 1, func(s *site) {
		r := s.relays["a"]
		for i := range maxWaiting + 500 {
			r.Hand(notification(fmt.Sprint("sw-", i%100), "x", false), nil)
		}
		r.mu.Lock()
		if r.count != maxWaiting {
			t.Errorf("%d wait", r.count)
		}
		r.mu.Unlock()
		time.Sleep(TrapTime + time.Second)
		for range 100 {
			r.Hand(notification("sw-1", strings.Repeat("y", 1<<20), false), nil)
			r.Hand(notification("sw-2", "z", true), func() { t.Error("acknowledged by nobody") })
		}
		r.mu.Lock()
		if r.octets > maxOctets || r.count > 100+maxOctets>>20 {
			t.Errorf("%d wait, of %d octets", r.count, r.octets)
		}
		r.mu.Unlock()
		time.Sleep(informTime + time.Second)
		r.mu.Lock()
		if r.waiting["sw-2"] != nil || r.waiting["sw-1"] == nil {
			t.Error("informs wait longer, or traps do not")
		}
		r.mu.Unlock()
		time.Sleep(TrapTime)
		if n := r.left(); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// What is no list of notifications is refused.
func TestRequestsThatAreNone(t *testing.T) {
	r := New(Options{Take: func(context.Context, []*Notification) []bool { t.Error("something was taken"); return nil }})
	mux := http.NewServeMux()
	r.Register(mux)
	for _, text := range []string{"", "{}", "[null]", `[{"age":-1,"from":"192.0.2.1:1"}]`, `[{"age":1}]`, `[{"from":"x"}]`, "[" + strings.Repeat(`{"from":"192.0.2.1:1"},`, maxBody/20)} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(text)))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%.40s: %d", text, w.Code)
		}
	}
	var none *Relay
	if _, here := none.Shard("sw-1"); !here || !none.Accepts("") || none.Run(t.Context()) != nil {
		t.Error("without a cluster, something is elsewhere")
	}
}

// A notification goes over the wire as it was received, but for its community.
func TestNotificationsSurviveTheWire(t *testing.T) {
	for _, r := range []*originator.Received{
		{From: netip.MustParseAddrPort("[2001:db8::1]:162"), Version: snmp.V3, Name: "user", Context: "c\xff", EngineID: []byte{0x80, 0, 1}, Inform: true, RequestID: -7, VarBinds: []byte{0x30, 0}},
		{From: netip.MustParseAddrPort("192.0.2.1:162"), Version: snmp.V1, Name: "public", VarBinds: []byte{0x30, 0}, V1: &snmp.Trap{Enterprise: snmp.MustParseOID("1.3.6.1.4.1.9"), AgentAddress: [4]byte{192, 0, 2, 9}, Generic: 2, Specific: 3, Timestamp: 99, VarBinds: []byte{0x30, 0}}},
	} {
		s := &site{muxes: map[string]*http.ServeMux{"b": http.NewServeMux()}, faults: map[string]int{}}
		var got *originator.Received
		b := New(Options{Shard: func(owner string) string { return "shard of " + owner }, Take: func(_ context.Context, list []*Notification) []bool {
			if got = list[0].Received(); list[0].Shard != "shard of sw" {
				t.Errorf("of shard %q, where a member does not say it", list[0].Shard)
			}
			if at := time.Since(list[0].At()); at < time.Second || at > 2*time.Second {
				t.Errorf("received %v ago", at)
			}
			return []bool{true}
		}})
		b.Register(s.muxes["b"])
		a := New(Options{Open: s.Open})
		if _, err := a.send(t.Context(), &batch{to: peer.Member{Name: "b"}, list: []*Notification{NewNotification("sw", r.From.Addr(), time.Now().Add(-time.Second), r)}}); err != nil {
			t.Fatal(err)
		}
		want := *r
		if r.Version != snmp.V3 {
			want.Name = ""
		}
		v1, wantV1 := fmt.Sprint(got.V1), fmt.Sprint(want.V1)
		if got.V1, want.V1 = nil, nil; fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", want) || v1 != wantV1 {
			t.Errorf("%+v %s, want %+v %s", *got, v1, want, wantV1)
		}
	}
}
