package member

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/client"
	"trapline/internal/cluster"
	"trapline/internal/cluster/peer"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
)

// measured are measurements by address. What does not begin with m is refused.
type measured struct {
	mu sync.Mutex
	of map[string]string
}

func (d *measured) Learned(s client.Spec) []byte {
	if text, known := d.of[s.Address]; known {
		return []byte(text)
	}
	return nil
}

func (d *measured) Learn(s client.Spec, state []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !bytes.HasPrefix(state, []byte("m")) {
		return errors.New("refused")
	}
	d.of[s.Address] = string(state)
	return nil
}

func learner(t *testing.T, d Devices, targets ...*poller.Target) *Member {
	t.Helper()
	w := &runtimeconfig.Config{Targets: targets}
	m := &Member{options: Options{Settings: &cluster.Settings{}, Logger: slog.New(slog.DiscardHandler), Devices: d, Running: func() *runtimeconfig.Config { return w }}, name: "a"}
	var err error
	if m.client, err = peer.NewClient("a", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.client.Close)
	return m
}

// The next owner has the measurements of the targets that it asks for, if they are of the same addresses. Whatever a member answers
// costs bounded octets, and touches no other target.
func TestMeasurementsMoveWithTargets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		var mine, theirs []*poller.Target
		var names []string
		from, to := &measured{of: map[string]string{}}, &measured{of: map[string]string{}}
		want := map[string]string{}
		for i := range 20 {
			name := fmt.Sprint("sw-", i)
			address := fmt.Sprint("192.0.2.", i)
			mine = append(mine, &poller.Target{Name: name, Spec: client.Spec{Address: address}})
			if random.IntN(4) == 0 {
				address = fmt.Sprint("198.51.100.", i) // by another file
			}
			theirs = append(theirs, &poller.Target{Name: name, Spec: client.Spec{Address: address}})
			asked := random.IntN(3) > 0
			if asked {
				names = append(names, name)
			}
			if random.IntN(3) > 0 {
				from.of[address] = []string{"m1", "m2", "damaged"}[random.IntN(3)]
				if state := from.of[address]; asked && state[0] == 'm' && address == mine[i].Spec.Address {
					want[address] = state
				}
			}
		}
		old, next := learner(t, from, theirs...), learner(t, to, mine...)
		mux := http.NewServeMux()
		old.ServeMembers(mux)
		server := httptest.NewServer(mux)
		old.left.add(part{"s1", false})
		old.left.add(part{"s1", true})
		if err := next.learn(t.Context(), peer.Member{Name: "b", URL: server.URL}, "s1", names); err != nil {
			t.Fatal(err)
		}
		server.Close()
		if fmt.Sprint(to.of) != fmt.Sprint(want) || len(old.left.parts) != 1 || !old.left.parts[part{"s1", true}] {
			t.Errorf("of %v: %v, want %v", names, to.of, want)
		}
	}

	hostile, _ := json.Marshal(learnedAnswer{"sw-1": {"192.0.2.1", []byte("m")}, "other": {"192.0.2.2", []byte("m")}, "sw-2": {"192.0.2.9", []byte("m")}, "sw-3": {"192.0.2.3", nil}})
	for _, answer := range []struct {
		text io.Reader
		want string
	}{
		{bytes.NewReader(hostile), "map[192.0.2.1:m]"}, {strings.NewReader("null"), "map[]"}, {strings.NewReader(`{"sw-1":{"address":"192.0.2.1","state":"!"}}`), "map[]"},
		{strings.NewReader("<html>"), "map[]"}, {io.LimitReader(endless{}, 1<<30), "map[]"}, {strings.NewReader(`{"sw-1":null}`), "map[]"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, answer.text) }))
		d := &measured{of: map[string]string{}}
		m := learner(t, d, &poller.Target{Name: "sw-1", Spec: client.Spec{Address: "192.0.2.1"}}, &poller.Target{Name: "sw-2", Spec: client.Spec{Address: "192.0.2.2"}}, &poller.Target{Name: "sw-3", Spec: client.Spec{Address: "192.0.2.3"}})
		_ = m.learn(t.Context(), peer.Member{Name: "b", URL: server.URL}, "s", []string{"sw-1", "sw-2", "sw-3", "sw-4"})
		server.Close()
		if fmt.Sprint(d.of) != answer.want {
			t.Errorf("it learned %v, want %v", d.of, answer.want)
		}
	}
}

// endless is JSON without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	copy(b, bytes.Repeat([]byte{'['}, len(b)))
	return len(b), nil
}

// A member that leaves waits until the next owners have asked for each shard, for four seconds at most.
func TestHandOverWaitsForTheNextOwners(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 3))
			l := &left{}
			last := time.Duration(0)
			for i := range random.IntN(6) {
				p := part{fmt.Sprint(i / 2), i%2 == 1}
				l.add(p)
				after := time.Duration(random.IntN(6000)) * time.Millisecond
				last = max(last, after)
				time.AfterFunc(after, func() { l.forget(p) })
			}
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), handOverWait)
			defer cancel()
			l.await(ctx)
			if took, want := time.Since(begun), min(last, handOverWait); took != want {
				t.Errorf("seed %d: it waits %v, want %v", seed, took, want)
			}
			time.Sleep(6 * time.Second)
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(l.parts) > 0 {
				t.Errorf("%v are left", l.parts)
			}
		})
	}
}
