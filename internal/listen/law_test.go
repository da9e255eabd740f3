package listen

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/bbolt"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/statedir"
	"trapline/internal/traps"
)

// process is a listener over an outbox, as serve has them.
type process struct {
	t        *testing.T
	dir      string
	state    *statedir.Dir
	outbox   *outbox.Outbox
	journal  *journal.Journal
	listener *Listener
	stop     func()
	holds    []map[string]string // of the rule with until
}

func (p *process) start(c *Configuration) {
	p.t.Helper()
	fatal := func(err error) {
		if err != nil {
			p.t.Fatal(err)
		}
	}
	silent := slog.New(slog.DiscardHandler)
	var err error
	p.state, err = statedir.Open(p.dir, nil, time.Now())
	fatal(err)
	fatal(p.state.View(func(tx *bbolt.Tx) error { tx.DB().NoSync = true; return nil }))
	p.journal, err = journal.Open(journal.Options{Dir: filepath.Join(p.dir, "journal"), Logger: silent})
	fatal(err)
	p.outbox, err = outbox.New(p.state, nil, outbox.Options{Logger: silent, Metrics: outbox.NewMetrics(prometheus.NewRegistry()), Journal: p.journal}, time.Now())
	fatal(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- p.outbox.Run(ctx) }()
	p.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
		_ = p.state.Close()
		_ = p.journal.Close()
	}
	p.listener, _ = newListener(p.t, &Configuration{})
	o := &p.listener.options
	o.Conditions, o.Apply = p.outbox.Conditions, p.outbox.Apply
	o.Holds = func(string, poller.Report) ([]map[string]string, error) { return p.holds, nil }
	p.configure(c)
}

func (p *process) configure(c *Configuration) {
	if err := p.listener.Configure(c); err != nil {
		p.t.Fatal(err)
	}
}

// kill goes on with the files as they are on the disk, as after kill -9.
func (p *process) kill(c *Configuration) {
	next := p.t.TempDir()
	if err := os.CopyFS(next, os.DirFS(p.dir)); err != nil {
		p.t.Fatal(err)
	}
	p.stop()
	p.dir = next
	p.start(c)
}

// believed is a condition of the model.
type believed struct {
	rule, target string
	active       bool
	since, lease time.Time // zero lease: none
}

// sample is a datagram that may come again.
type sample struct {
	from   string
	octets []byte
	down   bool
	inform bool
	keys   [2]int
}

// model is how alarms of traps come and go, in few lines.
type model struct {
	of      map[string]*believed
	seen    map[int]time.Time
	raised  map[string]int // by rule and target
	cleared map[string]int
}

func (m *model) end(b *believed) {
	if b != nil && b.active {
		b.active = false
		m.cleared[b.rule+" "+b.target]++
	}
}

// tick ends those that expired.
func (m *model) tick() {
	for _, b := range m.of {
		if !b.lease.IsZero() && time.Now().After(b.lease) {
			m.end(b)
		}
	}
}

func (m *model) take(i int, d *sample, rules []traps.Settings) {
	window := trapWindow
	if d.inform {
		window = informWindow
	}
	if at, known := m.seen[i]; known && time.Since(at) < window {
		return
	}
	m.seen[i] = time.Now()
	target := map[string]string{"192.0.2.1:9": "a", "192.0.2.2:9": "b"}[d.from]
	for _, r := range rules {
		id := fmt.Sprint(r.Alert, target, d.keys[:len(r.Key)])
		if !d.down {
			if len(r.Clear) > 0 {
				m.end(m.of[id])
			}
			continue
		}
		b := m.of[id]
		if b == nil {
			b = &believed{rule: r.Alert, target: target}
			m.of[id] = b
		}
		if !b.active {
			b.active = true
			m.raised[r.Alert+" "+target]++
		}
		if b.since = time.Now(); r.Expires.Duration > 0 {
			b.lease = time.Now().Add(r.Expires.Duration)
		}
	}
}

// Over random traps and informs, again and late, reloads, kills, polls and times at which conditions expire, each condition is
// raised once and cleared once, as the model says.
func TestConditionsAreRaisedOnceAndClearedOnce(t *testing.T) {
	seeds := uint64(12)
	if os.Getenv("TRAPLINE_SOAK") != "" {
		seeds = 2000
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { history(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

var keyObjects = []string{"1.3.6.1.4.1.32473.1", "1.3.6.1.4.1.32473.2"}

func lawRules() []traps.Settings {
	down, up := linkDown.String(), []string{linkUp.String()}
	return []traps.Settings{
		{Alert: "Cleared", On: down, Clear: up, Key: keyObjects[:1]},
		{Alert: "Expires", On: down, Expires: setting.Duration{Duration: 65 * time.Second}, Key: keyObjects},
		{Alert: "Until", On: down, Until: "x == 1", Clear: up, Key: keyObjects},
		{Alert: "Both", On: down, Clear: up, Expires: setting.Duration{Duration: 25 * time.Minute}},
	}
}

func randomSample(random *rand.Rand, uptime uint32) *sample {
	d := &sample{from: []string{"192.0.2.1:9", "192.0.2.2:9"}[random.IntN(2)], down: random.IntN(5) > 1, inform: random.IntN(3) == 0, keys: [2]int{random.IntN(2), random.IntN(2)}}
	var list []snmp.VarBind
	for i, object := range keyObjects {
		list = append(list, snmp.VarBind{Name: snmp.MustParseOID(object + ".0"), Type: snmp.Integer, Value: []byte{byte(d.keys[i])}})
	}
	kind := snmp.TrapV2
	if d.inform {
		kind = snmp.InformRequest
	}
	d.octets = message(kind, int32(uptime), uptime, list...)
	if !d.down {
		for i := 0; i+len(linkDown) <= len(d.octets); i++ {
			if string(d.octets[i:i+len(linkDown)]) == string(linkDown) {
				copy(d.octets[i:], linkUp)
				break
			}
		}
	}
	return d
}

func history(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 14))
	all := lawRules()
	c := &Configuration{
		Settings: Settings{Rate: 1e6}, Targets: []traps.Target{{Name: "a", Address: "192.0.2.1"}, {Name: "b", Address: "192.0.2.2"}}, Rules: all,
	}
	p := &process{t: t, dir: t.TempDir()}
	newListener(t, c) // which sets the auths
	p.start(c)
	s := nowhere(t)
	m := &model{of: map[string]*believed{}, seen: map[int]time.Time{}, raised: map[string]int{}, cleared: map[string]int{}}
	var sent []*sample
	for step := range 120 {
		time.Sleep(time.Duration(1+random.IntN(5)) * 10 * time.Second)
		synctest.Wait()
		m.tick()
		switch action := random.IntN(20); {
		case action == 0:
			p.kill(c)
			m.seen = map[int]time.Time{}
			for _, b := range m.of {
				if !b.lease.IsZero() && b.active {
					b.lease = later(b.lease, time.Now().Add(outbox.Lease))
				}
			}
		case action == 1:
			c.Rules = all[:1+random.IntN(len(all))]
			p.configure(c)
			for _, b := range m.of {
				if !containsAlert(c.Rules, b.rule) {
					m.end(b)
				}
			}
		case action <= 4:
			target := []string{"a", "b"}[random.IntN(2)]
			p.holds = []map[string]string{{"target": target, "oid_1_3_6_1_4_1_32473_1": fmt.Sprint(random.IntN(2))}}
			began := time.Now().Add(-time.Duration(random.IntN(2)) * 15 * time.Second)
			p.listener.Ended(poller.Report{Target: &poller.Target{Name: target}, Last: &poller.Pass{Up: true, Start: began}})
			for id, b := range m.of {
				if b.rule == "Until" && b.target == target && began.After(b.since) && id == fmt.Sprint("Until", target, []int{int(p.holds[0]["oid_1_3_6_1_4_1_32473_1"][0] - '0'), int(id[len(id)-2] - '0')}) {
					m.end(b)
				}
			}
		case action <= 9 && len(sent) > 0: // again, or late
			i := len(sent) - 1 - random.IntN(min(len(sent), 6))
			give(p.listener, s, sent[i].from, sent[i].octets)
			m.take(i, sent[i], c.Rules)
		default:
			d := randomSample(random, uint32(len(sent)+1))
			sent = append(sent, d)
			if i := len(sent) - 1; random.IntN(6) > 0 { // else it comes late, or never
				give(p.listener, s, d.from, d.octets, d.octets)
				m.take(i, d, c.Rules)
			}
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		m.tick()
		compareConditions(t, step, m, p.outbox.Conditions())
	}
	compareEvents(t, m, p.journal)
	p.stop()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func containsAlert(rules []traps.Settings, alert string) bool {
	for i := range rules {
		if rules[i].Alert == alert {
			return true
		}
	}
	return false
}

func compareConditions(t *testing.T, step int, m *model, list []alarm.Alarm) {
	t.Helper()
	keys := map[string]int{"Cleared": 1, "Expires": 2, "Until": 2}
	active := map[string]bool{}
	for _, a := range list {
		numbers := []int{}
		for _, name := range []string{"oid_1_3_6_1_4_1_32473_1", "oid_1_3_6_1_4_1_32473_2"}[:keys[a.Labels["alertname"]]] {
			numbers = append(numbers, int(a.Labels[name][0]-'0'))
		}
		active[fmt.Sprint(a.Labels["alertname"], a.Target, numbers)] = true
	}
	for id, b := range m.of {
		if active[id] != b.active {
			t.Fatalf("step %d: %s is active: %t, want %t", step, id, active[id], b.active)
		}
		delete(active, id)
	}
	if len(active) > 0 {
		t.Fatalf("step %d: %v are active", step, active)
	}
}

func compareEvents(t *testing.T, m *model, j *journal.Journal) {
	t.Helper()
	for kind, want := range map[string]map[string]int{journal.Raised: m.raised, journal.Cleared: m.cleared} {
		list, err := j.Query(t.Context(), journal.Query{Kind: kind, Limit: 100_000})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, e := range list {
			got[e.Rule+" "+e.Target]++
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s: %v, want %v", kind, got, want)
		}
	}
}
