package listen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
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

	"trapline/internal/alarm"
	"trapline/internal/cluster/peer"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/relay"
	"trapline/internal/snmp"
	"trapline/internal/traps"
)

// trio are the listeners of three members of a cluster.
type trio struct {
	t       *testing.T
	mu      sync.Mutex
	owner   map[string]*third // by target, or address of a device that is none
	silent  *third
	forgets *third // whose answers are lost
	members []*third
}

// third is one of them, or a process that is alone.
type third struct {
	*ledger
	of       *trio
	name     string
	listener *Listener
	relay    *relay.Relay
	mux      *http.ServeMux

	mu        sync.Mutex
	forwarded []string
	polled    map[string]int // targets because of traps
}

func (o *trio) Holder(owner string) peer.Member {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m := o.owner[owner]; m != nil {
		return peer.Member{Name: m.name}
	}
	return peer.Member{}
}

func (o *trio) peers(but string) func() []peer.Member {
	return func() (list []peer.Member) {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, m := range o.members {
			if m.name != but {
				list = append(list, peer.Member{Name: m.name})
			}
		}
		return list
	}
}

func (o *trio) Open(ctx context.Context, q *peer.Request) (*http.Response, error) {
	o.mu.Lock()
	silent := o.silent != nil && o.silent.name == q.To.Name
	forgets := o.forgets != nil && o.forgets.name == q.To.Name
	members := o.members
	o.mu.Unlock()
	if silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	w := httptest.NewRecorder()
	for _, m := range members {
		if m.name == q.To.Name {
			m.mux.ServeHTTP(w, httptest.NewRequestWithContext(ctx, q.Method, q.Path, bytes.NewReader(q.Body)))
		}
	}
	if forgets {
		return nil, io.ErrUnexpectedEOF
	}
	return w.Result(), nil
}

// start starts a listener, of a member unless it is alone.
func (o *trio) start(ctx context.Context, running *sync.WaitGroup, name string, c *Configuration) *third {
	m := &third{of: o, name: name, polled: map[string]int{}}
	own := *c
	m.listener, m.ledger = newListener(o.t, &own)
	options := &m.listener.options
	options.Forward = func(list []alarm.Event, _ time.Time) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for i := range list {
			m.forwarded = append(m.forwarded, fmt.Sprint(list[i].Alarm.Target, list[i].Alarm.Address, list[i].Trap))
		}
		return nil
	}
	refresh := func(_ context.Context, target string, _ *poller.Rows) error {
		if name != "" && o.Holder(target).Name != name {
			return poller.ErrNoTarget
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.polled[target]++
		return nil
	}
	options.Refresh, options.Judge = refresh, func(context.Context, string) error { return nil }
	m.listener.refreshes = newRefreshes(options)
	options.Conditions = func() []alarm.Alarm {
		m.ledger.mu.Lock()
		defer m.ledger.mu.Unlock()
		return m.conditions()
	}
	options.Holds = func(_ string, r poller.Report) ([]map[string]string, error) {
		return []map[string]string{{"target": r.Target.Name}}, nil
	}
	if name != "" {
		options.Apply = m.apply
		m.relay = relay.New(relay.Options{Name: name, Holder: o.Holder, Open: o.Open, Take: m.listener.Take, Peers: o.peers(name), Learn: m.listener.Learn, Logger: slog.New(slog.DiscardHandler)})
		options.Relay, m.mux = m.relay, http.NewServeMux()
		m.relay.Register(m.mux)
		for i := range m.listener.workers {
			m.listener.workers[i] = newWorker(m.listener, len(m.listener.workers))
		}
		o.mu.Lock()
		o.members = append(o.members, m)
		o.mu.Unlock()
		running.Go(func() { _ = m.relay.Run(ctx) })
	}
	running.Go(func() { _ = m.listener.Run(ctx) })
	return m
}

var errLostShard = errors.New("the shard has another owner")

// apply commits transitions as the members of a cluster do: an alarm where its target is owned, an end by whoever has it.
func (m *third) apply(list []outbox.Transition, now time.Time) error {
	for _, t := range list {
		if t.Active && m.of.Holder(t.Alarm.Target).Name != m.name {
			return errLostShard
		}
	}
	return m.ledger.apply(list, now)
}

// move gives a device to another member, with its alarms.
func (o *trio) move(owner string, to *third) {
	o.mu.Lock()
	from := o.owner[owner]
	o.owner[owner] = to
	o.mu.Unlock()
	if from == nil || to == nil || from == to {
		return
	}
	from.ledger.mu.Lock()
	to.ledger.mu.Lock()
	for id, a := range from.active {
		if a.Target == owner {
			to.active[id] = a
			delete(from.active, id)
		}
	}
	to.ledger.mu.Unlock()
	from.ledger.mu.Unlock()
	to.listener.Moved()
}

// ended hands a poll of a target to its owner: a has one more address in its tables.
func ended(m *third, target string) {
	p := &poller.Pass{}
	if target == "a" {
		p = polled("1.3.6.1.2.1.4.20.1.2", "10.0.0.1")
	}
	p.Up, p.Start = true, time.Now()
	m.listener.Ended(poller.Report{Target: &poller.Target{Name: target}, Last: p})
}

// counted returns the counts of notifications of several listeners together.
func counted(list ...*third) string {
	all := map[string]uint64{}
	for _, m := range list {
		m.listener.counts.mu.RLock()
		for target, names := range m.listener.counts.of {
			for name, n := range names {
				all[target+" "+name] += n.Load()
			}
		}
		m.listener.counts.mu.RUnlock()
	}
	return fmt.Sprint(all)
}

// At whichever member a notification arrives, at several if the device sends it to several: it is counted once, forwarded once, its
// rules raise and clear what one process would, `until` ends it by a poll of the owner, and the owner polls because of it.
func TestNotificationsHaveOneOutcomeWhereverTheyArrive(t *testing.T) {
	senders := []string{"192.0.2.1:9", "192.0.2.2:9", "192.0.2.3:9", "198.51.100.7:9", "10.0.0.1:9"}
	owners := []string{"a", "b", "c", "198.51.100.7"}
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 15))
			c := &Configuration{
				Settings: Settings{Rate: 1e6, Allow: []string{"192.0.2.0/24", "198.51.100.0/24", "10.0.0.1"}}, Rules: lawRules(), Forward: true,
				Targets: []traps.Target{{Name: "a", Address: "192.0.2.1"}, {Name: "b", Address: "192.0.2.2"}, {Name: "c", Address: "192.0.2.3"}},
			}
			for i := range c.Rules {
				c.Rules[i].Expires.Duration = 0 // which the outbox has expire
			}
			o := &trio{t: t, owner: map[string]*third{}}
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			for i := range 3 {
				o.start(ctx, &running, fmt.Sprint("poller-", i+1), c)
			}
			alone := o.start(ctx, &running, "", c)
			for _, owner := range owners {
				o.owner[owner] = o.members[random.IntN(3)]
			}
			s := nowhere(t)
			rest := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
			ended(alone, "a")
			ended(o.owner["a"], "a")
			rest(15 * time.Second) // the others know its other address
			var spoke time.Time    // when the last fault ended
			speak := func() {
				o.mu.Lock()
				defer o.mu.Unlock()
				if o.silent != nil || o.forgets != nil {
					o.silent, o.forgets, spoke = nil, nil, time.Now()
				}
			}
			for step := range 60 {
				d := randomSample(random, uint32(step+1))
				for d.inform && (o.silent != nil || time.Since(spoke) < 10*time.Second) { // its sender would repeat it
					d = randomSample(random, uint32(step+1))
				}
				at := random.IntN(len(senders))
				alone.listener.admit(s, netip.MustParseAddrPort(senders[at]), d.octets, time.Now())
				for range 1 + random.IntN(3) {
					o.members[random.IntN(3)].listener.admit(s, netip.MustParseAddrPort(senders[at]), d.octets, time.Now())
				}
				rest(time.Duration(random.IntN(4))*time.Second + time.Millisecond) // two of one moment have no order
				switch random.IntN(8) {
				case 0:
					speak()
					rest(15 * time.Second) // what was sent twice has arrived
					o.move(owners[random.IntN(4)], o.members[random.IntN(3)])
				case 1:
					rest(2 * time.Second)
					o.mu.Lock()
					if o.silent == nil && random.IntN(2) == 0 {
						o.silent = o.members[random.IntN(3)]
					}
					if o.forgets == nil && random.IntN(2) == 0 {
						o.forgets = o.members[random.IntN(3)]
					}
					o.mu.Unlock()
				case 2, 3:
					speak()
					rest(15 * time.Second)
					target := owners[random.IntN(3)]
					ended(alone, target)
					ended(o.owner[target], target)
					rest(time.Second)
				}
			}
			speak()
			rest(time.Minute)

			if got, want := counted(o.members...), counted(alone); got != want {
				t.Errorf("seed %d: counted\n%s\nwant\n%s", seed, got, want)
			}
			active, polled := map[string]bool{}, map[string]bool{}
			var forwarded []string
			for _, m := range o.members {
				for id, a := range m.active {
					if o.owner[a.Target] != m || active[id] {
						t.Errorf("seed %d: %s has %s", seed, m.name, id)
					}
					active[id] = true
				}
				forwarded = append(forwarded, m.forwarded...)
				for target := range m.polled {
					polled[target] = true
				}
			}
			if got, want := slices.Sorted(maps.Keys(active)), slices.Sorted(maps.Keys(alone.active)); !slices.Equal(got, want) {
				t.Errorf("seed %d: active\n%s\nwant\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if slices.Sort(forwarded); !slices.Equal(forwarded, slices.Sorted(slices.Values(alone.forwarded))) {
				t.Errorf("seed %d: %d are forwarded, want %d", seed, len(forwarded), len(alone.forwarded))
			}
			for target := range alone.polled {
				if !polled[target] {
					t.Errorf("seed %d: %s is not polled", seed, target)
				}
			}
			cancel()
			running.Wait()
		})
		if t.Failed() {
			return
		}
	}
}

// A notification is handed over again when the answer to it was lost. It is taken once, also if its device has sent the same meanwhile.
func TestNotificationsThatAreHandedOverAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Configuration{Settings: Settings{Rate: 1e6}, Targets: []traps.Target{{Name: "a", Address: "192.0.2.1"}}}
		o := &trio{t: t, owner: map[string]*third{}}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for i := range 2 {
			o.start(ctx, &running, fmt.Sprint("poller-", i+1), c)
		}
		owner, other := o.members[0], o.members[1]
		o.mu.Lock()
		o.owner["a"], o.forgets = owner, owner
		o.mu.Unlock()
		s := nowhere(t)
		trap := message(snmp.TrapV2, 1, 1)
		send := func(to *third) { to.listener.admit(s, netip.MustParseAddrPort("192.0.2.1:9"), trap, time.Now()) }
		send(other)
		time.Sleep(trapWindow + time.Second)
		send(owner)
		time.Sleep(trapWindow + time.Second)
		if got := owner.listener.counts.total(); got != 2 {
			t.Errorf("%d notifications are counted, want 2", got)
		}
		o.mu.Lock()
		o.forgets = nil
		o.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := owner.listener.counts.total(); got != 2 {
			t.Errorf("%d notifications are counted in the end, want 2", got)
		}
		cancel()
		running.Wait()
	})
}
