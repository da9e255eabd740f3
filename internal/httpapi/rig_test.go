package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/history"
	"trapline/internal/poller"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// rig is an API over a poller of stub devices, inside of a synctest bubble.
type rig struct {
	api   *API
	polls *poller.Poller
	log   lockedBuffer

	mu      sync.Mutex
	device  collector.Session // all targets, if not nil
	devices map[string]*stub
}

// stub is a device: its answers, and the error of all other requests.
type stub struct {
	objects []snmp.VarBind
	stats   client.Stats
	err     error
	takes   time.Duration
}

func (r *rig) open(s client.Spec) (collector.Session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.device != nil {
		return r.device, nil
	}
	return stubSession{r, s.Address}, nil
}

type stubSession struct {
	rig     *rig
	address string
}

func (s stubSession) Poll(ctx context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	s.rig.mu.Lock()
	d := *s.rig.devices[s.address]
	s.rig.mu.Unlock()
	time.Sleep(d.takes)
	if ctx.Err() != nil {
		return d.stats, client.OutOfTime(ctx, "walk", s.address)
	}
	for _, v := range d.objects {
		yield(v)
	}
	return d.stats, d.err
}

func (r *rig) set(name string, d *stub) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.devices[name] = d
}

var answering = stub{
	objects: []snmp.VarBind{
		{Name: snmp.MustParseOID("1.3.9.0"), Type: snmp.Integer, Value: []byte{7}},
		{Name: snmp.MustParseOID("1.3.6.1.2.1.1.5.0"), Type: snmp.OctetString, Value: []byte("Rtr-Berlin.example.net")},
	},
	takes: time.Millisecond, // so that no poll has ended while the clock stands
	stats: client.Stats{Packets: 10, Retries: 1, VarBinds: 1, Path: client.Path{RTT: 3 * time.Millisecond, Window: 16}},
}

var module = collector.Compile("m", &collector.Settings{
	Walk:    []setting.OID{setting.ParseOID("1.3.9")},
	Metrics: []collector.MetricSettings{{Name: "answer", OID: setting.ParseOID("1.3.9"), Type: "gauge"}},
})

func target(name, site string) *poller.Target {
	return &poller.Target{Name: name, Interval: time.Minute, Spec: client.Spec{Address: name}, AuthName: "public_v2",
		Labels: map[string]string{"site": site}, Modules: []*collector.Module{module}}
}

// play runs a test over targets, all of which answer at first.
func play(t *testing.T, targets []*poller.Target, during func(*rig)) {
	t.Helper()
	playWith(t, targets, true, during)
}

func playWith(t *testing.T, targets []*poller.Target, indexes bool, during func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{devices: map[string]*stub{}}
		for _, one := range targets {
			r.devices[one.Spec.Address] = &answering
		}
		r.polls = poller.New(poller.Options{PassOptions: poller.PassOptions{Open: r.open, KeepIndexes: indexes}, Logger: slog.New(slog.NewTextHandler(&r.log, nil)), Identify: true, History: history.NewStore()})
		r.api = New(Options{Polls: r.polls, Version: "0.9.0", Started: time.Now()})
		r.polls.SetTargets(targets)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.polls.Run(ctx) }()
		during(r)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func sites(n int, names ...string) (list []*poller.Target) {
	for i := range n {
		list = append(list, target(fmt.Sprintf("sw-%02d", i), names[i%len(names)]))
	}
	return list
}

func silentDevice() *stub {
	return &stub{stats: client.Stats{Packets: 4, Retries: 3}, takes: 8 * time.Second,
		err: &access.Error{Op: "walk", Reason: access.Timeout, Err: errors.New("request timeout (after 3 retries)")}}
}
