package outage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/cause"
	"trapline/internal/cluster/peer"
	"trapline/internal/mute"
	"trapline/internal/neighbours"
	"trapline/internal/topology"
)

const (
	interval, budget = time.Minute, 20 * time.Second
	hold, evaluation = topology.DefaultHold, 500 * time.Millisecond
	shards           = 8
)

// site is a cluster of members on the virtual clock, whose devices are polled by the owners of their shards, and a single process
// that sees the same polls and alerts.
type site struct {
	t       *testing.T
	seed    uint64
	r       *rand.Rand
	ctx     context.Context
	running sync.WaitGroup
	began   time.Time

	devices []topology.Device
	roots   []string
	links   [][2]string
	still   bool // nobody polls the devices, nor compares
	reads   bool // links are found by readings

	mu       sync.Mutex
	members  map[string]*member // that live
	owner    map[string]string  // of each shard, and of "global"; "" for none
	centered time.Time          // when another member became the center
	after    time.Duration      // the `for` of the rule
	moved    time.Time          // when a shard had another owner last
	taken    map[string]int     // how often each shard changed its owner
	dead     map[string]bool
	polled   map[string]*polled
	alerts   map[string]time.Time
	firing   map[string]bool
	known    map[string]bool // to the receiver
	unseen   map[string]bool // devices whose alerts their new owner has not evaluated yet
	story    []string
	faults   bool      // requests are lost and late
	lossy    time.Time // until when they were, or are
	octets   int

	single  *topology.Tracker
	book    *neighbours.Book // of that
	disks   map[string][]neighbours.Link
	outages *cause.Outages // of that
}

type member struct {
	site    *site
	name    string
	tracker *Tracker
	mux     *http.ServeMux
	end     context.CancelFunc
	holder  string // as it knows it

	updating chan struct{} // a lock, for no time passes while somebody waits for a mutex
	said     map[string]bool
	outages  *cause.Outages
}

type polled struct{ ask chan struct{} }

func shardOf(target string) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, target)
	return fmt.Sprint("s", h.Sum32()%shards)
}

func (m *member) Name() string                 { return m.name }
func (m *member) ShardOf() func(string) string { return shardOf }

func (m *member) Holder(string) peer.Member {
	m.site.mu.Lock()
	defer m.site.mu.Unlock()
	return peer.Member{Name: m.holder}
}

func (m *member) Peers() (list []peer.Member) {
	m.site.mu.Lock()
	defer m.site.mu.Unlock()
	for name := range m.site.members {
		if name != m.name {
			list = append(list, peer.Member{Name: name})
		}
	}
	return list
}

func (m *member) Owned() (list []string) {
	m.site.mu.Lock()
	defer m.site.mu.Unlock()
	for shard, name := range m.site.owner {
		if name == m.name && m.site.members[name] == m {
			list = append(list, shard)
		}
	}
	slices.Sort(list)
	return list
}

func (m *member) Open(ctx context.Context, q *peer.Request) (*http.Response, error) {
	m.site.mu.Lock()
	to, wait, fault := m.site.members[q.To.Name], time.Duration(1+m.site.r.IntN(5))*time.Millisecond, 0
	if m.site.faults {
		m.site.lossy = time.Now()
	}
	if m.site.faults && m.site.r.IntN(2) == 0 {
		fault, wait = m.site.r.IntN(4), time.Duration(m.site.r.IntN(7000)*1000+m.site.r.IntN(2))*time.Microsecond
	}
	m.site.octets += len(q.Body)
	cut := to == nil
	m.site.mu.Unlock()
	time.Sleep(time.Duration(1+len(q.Body)%3) * time.Millisecond)
	if cut || fault == 1 {
		return nil, errors.New("connection refused")
	}
	w := httptest.NewRecorder()
	if fault == 2 { // it comes when nobody waits for its answer any more
		m.site.running.Go(func() {
			time.Sleep(wait)
			to.mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(q.Method, q.Path, bytes.NewReader(q.Body)))
		})
		if wait%2 == 0 {
			return nil, errors.New("connection reset")
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	to.mux.ServeHTTP(w, httptest.NewRequestWithContext(ctx, q.Method, q.Path, bytes.NewReader(q.Body)))
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if fault == 3 {
		return nil, io.ErrUnexpectedEOF
	}
	m.site.mu.Lock()
	m.site.octets += w.Body.Len()
	m.site.mu.Unlock()
	return w.Result(), nil
}

// play runs a site of three members or more with some devices.
func play(t *testing.T, seed uint64, network, during func(*site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &site{
			t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 1)), ctx: ctx, began: time.Now(), members: map[string]*member{}, owner: map[string]string{}, taken: map[string]int{}, dead: map[string]bool{},
			polled: map[string]*polled{}, alerts: map[string]time.Time{}, firing: map[string]bool{}, known: map[string]bool{}, unseen: map[string]bool{}, single: topology.NewTracker(), book: neighbours.NewBook(), disks: map[string][]neighbours.Link{},
		}
		network(s)
		must(t, s.single.Configure(&topology.Settings{Roots: s.roots}, s.devices))
		s.book.Configure(s.roots, s.named())
		if !s.reads {
			s.single.SetLinks(s.links)
		}
		s.outages, _ = s.single.Outages(nil, time.Now())
		names := []string{"a", "b", "c", "d", "e"}[:3+s.r.IntN(3)]
		for i := range shards {
			s.owner[fmt.Sprint("s", i)] = names[s.r.IntN(len(names))]
		}
		s.owner["global"] = names[s.r.IntN(len(names))]
		for _, d := range s.devices {
			s.polled[d.Name] = &polled{ask: make(chan struct{}, 1)}
		}
		for _, name := range names {
			s.start(name)
		}
		s.mu.Lock()
		s.views()
		s.mu.Unlock()
		for _, d := range s.devices {
			if s.still {
				break
			}
			first := time.Duration(s.random(int(interval)))
			s.running.Go(func() { s.poll(d.Name, first) })
		}
		s.running.Go(func() {
			for !s.still && s.sleep(time.Second) {
				s.mu.Lock()
				s.updateSingle()
				s.mu.Unlock()
			}
		})
		during(s)
		cancel()
		s.running.Wait()
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// network makes random devices, with parents or with links in both directions.
func (s *site) network() {
	count := 3 + s.r.IntN(10)
	for i := range count {
		s.devices = append(s.devices, topology.Device{Name: fmt.Sprint("d", i), Interval: interval, Budget: budget})
	}
	meshed := s.r.IntN(2) == 0
	s.after = []time.Duration{0, 0, 2 * time.Minute}[s.r.IntN(3)]
	if meshed {
		s.roots, s.reads = []string{"d0"}, s.r.IntN(2) == 0
	}
	for i := 1; i < count; i++ {
		for range 1 + s.r.IntN(3)/2 {
			if up := fmt.Sprint("d", s.r.IntN(i)); meshed {
				s.links = append(s.links, [2]string{up, s.devices[i].Name})
			} else {
				s.devices[i].Parents = append(s.devices[i].Parents, up)
			}
		}
	}
}

func (s *site) note(format string, args ...any) {
	s.story = append(s.story, fmt.Sprintf("[%v] ", time.Since(s.began))+fmt.Sprintf(format, args...))
}

func (s *site) fail(format string, args ...any) {
	s.t.Errorf("seed %d: "+format+"\nroots %v links %v devices %v\n%s", append(append([]any{s.seed}, args...), s.roots, s.links, s.devices, strings.Join(s.story[max(0, len(s.story)-120):], "\n"))...)
}

// sleep reports whether the site still runs after some time.
func (s *site) sleep(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.ctx.Done():
		return false
	}
}

// start starts a member, which has no shards.
func (s *site) start(name string) {
	ctx, cancel := context.WithCancel(s.ctx)
	m := &member{site: s, name: name, mux: http.NewServeMux(), end: cancel, updating: make(chan struct{}, 1)}
	m.tracker = NewTracker(m, slog.New(slog.DiscardHandler))
	must(s.t, m.tracker.Configure(&topology.Settings{Roots: s.roots}, s.devices))
	m.links(s)
	m.outages = m.tracker.Start(nil, time.Now())
	m.tracker.Register(m.mux)
	s.mu.Lock()
	s.members[name] = m
	s.mu.Unlock()
	s.running.Go(func() { _ = m.tracker.Run(ctx) })
	s.running.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				m.tracker.ApplyLinks() // as often as its book changes
				m.update(true)
			case <-m.tracker.Changed():
				m.update(false)
			}
		}
	})
}

func (s *site) named() (list []neighbours.Device) {
	for _, d := range s.devices {
		list = append(list, neighbours.Device{Name: d.Name})
	}
	return list
}

// read has a device answer with its neighbours.
func (s *site) read(name string) *neighbours.Reading {
	r := &neighbours.Reading{Keys: []string{"n" + name, "c\xff" + name}}
	for _, ends := range s.links {
		if i := slices.Index(ends[:], name); i >= 0 {
			other := ends[1-i]
			r.Neighbours = append(r.Neighbours, neighbours.Neighbour{Protocol: neighbours.LLDP, Name: other, Keys: []string{"c\xff" + other}})
		}
	}
	return r
}

func endsOf(b *neighbours.Book) (list [][2]string) {
	for _, l := range b.Links() {
		list = append(list, l.Ends)
	}
	return list
}

// links has a member restore the links that it has stored.
func (m *member) links(s *site) {
	m.tracker.Book.Configure(s.roots, s.named())
	s.mu.Lock()
	list, links := slices.Clone(s.disks[m.name]), s.links
	s.mu.Unlock()
	if s.reads {
		links = nil
	}
	for _, ends := range links {
		list = append(list, neighbours.Link{Ends: neighbours.EndsOf(ends[0], ends[1]), By: []neighbours.Protocol{neighbours.LLDP}})
	}
	m.tracker.Book.Restore(list)
	m.tracker.ApplyLinks()
}

// views has the members know the holder of the whole cluster, some of them a little later.
func (s *site) views() {
	for _, m := range s.members {
		holder := s.owner["global"]
		late := time.Duration(s.r.IntN(800)) * time.Millisecond
		s.running.Go(func() {
			s.sleep(late)
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.owner["global"] == holder {
				m.holder = holder
			}
		})
	}
}

// move has another member own a shard after some time without an owner.
func (s *site) move(shard string, gap time.Duration) {
	s.mu.Lock()
	if s.owner[shard] = ""; shard == "global" {
		s.centered = time.Now()
	}
	s.taken[shard]++
	s.mu.Unlock()
	s.running.Go(func() {
		if !s.sleep(gap) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		names := slices.Sorted(maps.Keys(s.members))
		s.owner[shard], s.moved = names[s.r.IntN(len(names))], time.Now()
		s.note("%s has %s", s.owner[shard], shard)
		if shard == "global" {
			s.centered = time.Now()
			s.views()
			return
		}
		for name, p := range s.polled {
			if shardOf(name) == shard {
				s.unseen[name] = !s.firing[name] && time.Since(s.centered) > interval // else there is none that knows of pending alerts, as after a start
				p.again()
			}
		}
		s.notify()
	})
}

func (p *polled) again() { signal(p.ask) }

// poll polls a device once an interval, and whenever it is asked for.
func (s *site) poll(name string, first time.Duration) {
	p := s.polled[name]
	next := time.Now().Add(first)
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-p.ask:
		case <-time.After(time.Until(next)):
			next = next.Add(interval)
		}
		s.mu.Lock()
		shard := shardOf(name)
		owner, taken, began, up := s.members[s.owner[shard]], s.taken[shard], time.Now(), s.answers(name)
		s.mu.Unlock()
		if owner == nil {
			continue
		}
		takes := 10 * time.Millisecond
		if !up {
			takes = budget
		}
		if !s.sleep(takes) {
			return
		}
		s.running.Go(func() { s.ended(name, owner, taken, topology.Poll{Device: name, Began: began, Up: up}) })
	}
}

// ended has the owner of a device, and the single process, know of a poll.
func (s *site) ended(name string, owner *member, taken int, p topology.Poll) {
	shard, now := shardOf(name), time.Now()
	s.mu.Lock()
	if s.taken[shard] != taken || s.members[owner.name] != owner {
		s.mu.Unlock()
		return
	}
	if !p.Up {
		s.note("%s polled %s, which began at %v", owner.name, name, p.Began.Sub(s.began))
	}
	read := p.Up && s.reads
	if read {
		s.book.Answered(name, s.read(name), 0, now)
		s.single.SetLinks(endsOf(s.book))
	}
	s.single.Ended(p, now)
	s.updateSingle() // it asks not later than the members do
	s.mu.Unlock()
	if read {
		owner.tracker.Read(name, s.read(name))
	}
	if owner.tracker.Ended(p, now) {
		owner.update(false)
	}
	if !s.sleep(evaluation) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[shard] != taken || s.members[owner.name] != owner {
		return
	}
	if delete(s.unseen, name); p.Up {
		delete(s.alerts, name)
		delete(s.firing, name)
	} else {
		if s.alerts[name].IsZero() {
			s.alerts[name] = time.Now()
		}
		s.firing[name] = time.Since(s.alerts[name]) >= s.after
	}
	s.updateSingle()
	s.notify()
}

func (s *site) updateSingle() {
	said := map[string]bool{}
	for name := range s.alerts {
		said[name] = true
	}
	s.outages, _ = s.single.Outages(said, time.Now())
	s.single.Asks() // those of the members are polled
}

func (m *member) update(alerts bool) {
	m.updating <- struct{}{}
	defer func() { <-m.updating }()
	if alerts {
		m.tracker.Look()
		owned := m.Owned()
		said := map[string]bool{}
		m.site.mu.Lock()
		for name := range m.site.alerts {
			if slices.Contains(owned, shardOf(name)) && !m.site.unseen[name] {
				said[name] = true
			}
		}
		m.site.mu.Unlock()
		m.said = said
	}
	causes, of := m.tracker.Causes(), map[string]*alarm.Alarm{}
	m.site.mu.Lock()
	for name := range causes {
		if m.site.firing[name] {
			of[name] = &alarm.Alarm{Rule: "DeviceDown", Target: name, Labels: map[string]string{"owner": m.name}}
		}
	}
	m.site.mu.Unlock()
	m.tracker.SetAlarms(of)
	o, _ := m.tracker.Outages(m.said, time.Now())
	asks := m.tracker.Asks()
	m.site.mu.Lock()
	defer m.site.mu.Unlock()
	m.outages = o
	for _, name := range asks {
		if m.site.owner[shardOf(name)] == m.name {
			m.site.polled[name].again()
		}
	}
	m.site.notify()
}

// answers reports whether a device is reached, and alive.
func (s *site) answers(name string) bool {
	at := map[string][]string{}
	next := slices.Clone(s.roots)
	for _, ends := range s.links {
		at[ends[0]], at[ends[1]] = append(at[ends[0]], ends[1]), append(at[ends[1]], ends[0])
	}
	for _, d := range s.devices {
		if len(s.roots) == 0 && len(d.Parents) == 0 {
			next = append(next, d.Name)
		}
		for _, up := range d.Parents {
			at[up] = append(at[up], d.Name)
		}
	}
	up := map[string]bool{}
	for len(next) > 0 {
		one := next[0]
		if next = next[1:]; !s.dead[one] && !up[one] {
			up[one] = true
			next = append(next, at[one]...)
		}
	}
	return up[name]
}

// notify sends whatever the receiver does not know. None is raised that the single process mutes.
func (s *site) notify() {
	for _, d := range s.devices {
		if s.still {
			return
		}
		m := s.members[s.owner[shardOf(d.Name)]]
		if m == nil {
			continue
		}
		_, muted := m.outages.Muted(d.Name)
		switch {
		case s.firing[d.Name] && !s.known[d.Name] && !muted:
			s.known[d.Name] = true
			s.note("%s raises %s", m.name, d.Name)
			s.updateSingle()
			one, hidden := s.outages.Muted(d.Name)
			late := time.Since(s.lossy) < hold+2*budget || // by answers that come when devices wait no longer
				one.Kind != mute.ByCause && (s.dead[d.Name] || time.Since(s.moved) < 2*interval+hold+budget) // it is settled sooner by the members, or asked later
			m.tracker.mu.Lock()
			alone := m.tracker.alone
			m.tracker.mu.Unlock()
			if hidden && !late && !alone {
				s.fail("%s raises %s, which is muted: %v\n%s", m.name, d.Name, one, s.states())
			}
		case !s.firing[d.Name] && s.known[d.Name]:
			s.known[d.Name] = false
			s.note("%s clears %s", m.name, d.Name)
		}
	}
}

func (s *site) states() (text string) {
	for _, m := range s.members {
		text += m.name + ": " + m.state() + "\n"
	}
	return text
}

// state is for messages. Nothing else must change it.
func (m *member) state() string {
	t := m.tracker
	c := t.center
	return fmt.Sprintf("said %v reported %v base %v version %d answers %v alone %v unanswered %v asked %v queued %d done %d; center %d computes %v version %d of %v failing %v said %v owner %v",
		t.said, t.reported, t.base, t.version, t.answers, t.alone, t.unanswered, t.awaited, t.queued, t.done, c.generation, c.computes, c.version, c.of, c.failing, c.said, c.owner)
}

// settled compares each member with the single process.
func (s *site) settled() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.members {
		if s.reads && !slices.Equal(endsOf(m.tracker.Book), endsOf(s.book)) {
			s.fail("%s has the links %v, want %v", m.name, endsOf(m.tracker.Book), endsOf(s.book))
		}
		for _, d := range s.devices {
			a, owner := m.outages.Alarms[d.Name], s.owner[shardOf(d.Name)]
			if (a != nil) != (s.firing[d.Name] && len(s.outages.Behind[d.Name]) > 0) || a != nil && (a.Target != d.Name || a.Labels["owner"] != owner) {
				s.fail("%s has of %s, which %s polls, the alarm %v", m.name, d.Name, owner, a)
			}
		}
		if !maps.Equal(m.outages.Of, s.outages.Of) || !maps.EqualFunc(m.outages.Behind, s.outages.Behind, slices.Equal[[]string]) {
			s.fail("%s, with %s as the center: %v, %v, want %v, %v", m.name, m.holder, m.outages.Of, m.outages.Behind, s.outages.Of, s.outages.Behind)
			s.t.Log(s.states())
			return
		}
	}
	for name := range s.firing {
		if _, muted := s.outages.Muted(name); s.firing[name] && muted == s.known[name] && !muted {
			s.fail("%s is not raised", name)
		}
	}
}
