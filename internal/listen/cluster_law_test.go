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
	owner   map[string]*third // by target, or address of a device that is none: each is a shard
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
		m.relay = relay.New(relay.Options{
			Name: name, Shard: func(owner string) string { return owner }, Holder: o.Holder, Open: o.Open, Take: m.listener.Take, Peers: o.peers(name), Learn: m.listener.Learn, Logger: slog.New(slog.DiscardHandler),
			Settle: m.listener.Settle, Remembered: m.listener.Remembered, Remember: m.listener.Remember,
		})
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

// give has a member own a device from the beginning.
func (o *trio) give(owner string, to *third) {
	o.mu.Lock()
	o.owner[owner] = to
	o.mu.Unlock()
	to.relay.Accept(owner)
}

// transit is a device that moves from a member to another in order: nobody owns it meanwhile.
type transit struct {
	owner    string
	from, to *third
}

func (o *trio) release(owner string, to *third) *transit {
	v := &transit{owner, o.owner[owner], to}
	v.from.relay.Release(owner)
	o.mu.Lock()
	o.owner[owner] = nil
	o.mu.Unlock()
	return v
}

// take has the next owner go on, with the alarms.
func (o *trio) take(ctx context.Context, v *transit, pause time.Duration) {
	o.mu.Lock()
	o.owner[v.owner] = v.to
	o.mu.Unlock()
	time.Sleep(pause)
	v.to.relay.Fetch(ctx, v.owner, peer.Member{Name: v.from.name})
	if v.from != v.to {
		v.from.ledger.mu.Lock()
		v.to.ledger.mu.Lock()
		for id, a := range v.from.active {
			if a.Target == v.owner {
				v.to.active[id] = a
				delete(v.from.active, id)
			}
		}
		v.to.ledger.mu.Unlock()
		v.from.ledger.mu.Unlock()
	}
	v.to.relay.Accept(v.owner)
	v.to.listener.Moved()
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
// rules raise and clear what one process would, `until` ends it by a poll of the owner, and the owner polls because of it. So it is also
// if the device gets another owner between two copies.
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
				o.give(owner, o.members[random.IntN(3)])
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
			var moving *transit
			arrive := func() {
				if speak(); moving != nil {
					o.take(ctx, moving, time.Duration(random.IntN(1000))*time.Millisecond)
					moving, spoke = nil, time.Now()
				}
			}
			for step := range 60 {
				well := o.silent == nil && o.forgets == nil && moving == nil && time.Since(spoke) >= 10*time.Second
				d := randomSample(random, uint32(step+1))
				for d.inform && !well { // its sender would repeat it
					d = randomSample(random, uint32(step+1))
				}
				from := netip.MustParseAddrPort(senders[random.IntN(len(senders))])
				alone.listener.admit(s, from, d.octets, time.Now())
				o.members[random.IntN(3)].listener.admit(s, from, d.octets, time.Now())
				for range random.IntN(3) {
					m, late := o.members[random.IntN(3)], time.Duration(0)
					if well { // else which of the copies is handed over first is not for the owner to say
						late = time.Duration(random.IntN(9000)) * time.Millisecond
					}
					running.Go(func() {
						time.Sleep(late)
						m.listener.admit(s, from, d.octets, time.Now())
					})
				}
				rest(time.Duration(random.IntN(4))*time.Second + time.Millisecond) // two of one moment have no order
				if moving != nil && random.IntN(2) == 0 {
					arrive()
				}
				switch random.IntN(6) {
				case 0, 1:
					if moving == nil {
						moving = o.release(owners[random.IntN(4)], o.members[random.IntN(3)])
					}
				case 2:
					rest(2 * time.Second)
					o.mu.Lock()
					if o.silent == nil && random.IntN(2) == 0 {
						o.silent = o.members[random.IntN(3)]
					}
					if o.forgets == nil && random.IntN(2) == 0 {
						o.forgets = o.members[random.IntN(3)]
					}
					o.mu.Unlock()
				case 3:
					arrive()
					rest(15 * time.Second)
					target := owners[random.IntN(3)]
					ended(alone, target)
					ended(o.owner[target], target)
					rest(time.Second)
				}
			}
			arrive()
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

// A notification is handed over again when the answer to it was lost. It is taken once, also if its device has sent the same meanwhile, or
// has another owner then.
func TestNotificationsThatAreHandedOverAgain(t *testing.T) {
	for _, moves := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := &Configuration{Settings: Settings{Rate: 1e6}, Targets: []traps.Target{{Name: "a", Address: "192.0.2.1"}}}
			o := &trio{t: t, owner: map[string]*third{}}
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			for i := range 3 {
				o.start(ctx, &running, fmt.Sprint("poller-", i+1), c)
			}
			owner, other, next := o.members[0], o.members[1], o.members[2]
			o.give("a", owner)
			o.mu.Lock()
			o.forgets = owner
			o.mu.Unlock()
			s := nowhere(t)
			trap := message(snmp.TrapV2, 1, 1)
			send := func(to *third) { to.listener.admit(s, netip.MustParseAddrPort("192.0.2.1:9"), trap, time.Now()) }
			send(other)
			time.Sleep(trapWindow + time.Second)
			send(owner)
			time.Sleep(trapWindow + time.Second)
			total := func() (n uint64) {
				synctest.Wait()
				for _, m := range o.members {
					n += m.listener.counts.total()
				}
				return n
			}
			if got := total(); got != 2 {
				t.Errorf("%d notifications are counted, want 2", got)
			}
			o.mu.Lock()
			o.forgets = nil
			o.mu.Unlock()
			if moves {
				o.take(ctx, o.release("a", next), 0)
			}
			time.Sleep(time.Minute)
			if got := total(); got != 2 {
				t.Errorf("%d notifications are counted in the end, want 2", got)
			}
			cancel()
			running.Wait()
		})
	}
}

// A device moves only once the alarms are stored of the notifications that its owner has taken, and one that another member has received
// earlier, and hands on later, does not raise an alarm again.
func TestNotificationsAreInOrderWhereverTheirDeviceIs(t *testing.T) {
	for _, at := range []int{0, 1, 2} { // who has it next: its owner, the member with the earlier one, or another
		synctest.Test(t, func(t *testing.T) {
			c := &Configuration{Settings: Settings{Rate: 1e6}, Rules: lawRules(), Targets: []traps.Target{{Name: "b", Address: "192.0.2.2"}}}
			o := &trio{t: t, owner: map[string]*third{}}
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			for i := range 3 {
				o.start(ctx, &running, fmt.Sprint("poller-", i+1), c)
			}
			owner, other, next := o.members[0], o.members[1], o.members[at]
			o.give("b", owner)
			stored := make(chan struct{})
			owner.listener.options.Apply = func(list []outbox.Transition, now time.Time) error {
				if !list[0].Active {
					<-stored
				}
				return owner.apply(list, now)
			}
			random := rand.New(rand.NewPCG(1, 16))
			send := func(to *third, down bool, uptime uint32) {
				d := randomSample(random, uptime)
				for d.down != down || d.inform || d.keys != [2]int{} {
					d = randomSample(random, uptime)
				}
				to.listener.admit(nowhere(t), netip.MustParseAddrPort("192.0.2.2:9"), d.octets, time.Now())
			}
			o.mu.Lock()
			o.silent = owner
			o.mu.Unlock()
			send(other, true, 1)
			time.Sleep(time.Second)
			send(owner, true, 2)
			time.Sleep(time.Second)
			send(owner, false, 3)
			synctest.Wait()
			released := make(chan *transit, 1)
			go func() { released <- o.release("b", next) }()
			synctest.Wait()
			if len(released) > 0 {
				t.Error("the device is released before its alarms are stored")
			}
			close(stored)
			v := <-released
			o.mu.Lock()
			o.silent = nil
			o.mu.Unlock()
			o.take(ctx, v, time.Second)
			time.Sleep(time.Minute)
			synctest.Wait()
			total := uint64(0)
			for _, m := range o.members {
				total += m.listener.counts.total()
				for id := range m.active {
					if !strings.Contains(id, "Expires") { // which nothing clears
						t.Errorf("%s has %s", m.name, id)
					}
				}
			}
			if total != 3 {
				t.Errorf("%d are counted, want 3", total)
			}
			cancel()
			running.Wait()
		})
	}
}
