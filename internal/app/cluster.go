package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/httpapi"
	"trapline/internal/httpserver"
	"trapline/internal/ledger"
	"trapline/internal/ledger/bolt"
	"trapline/internal/member"
	"trapline/internal/outbox"
	"trapline/internal/outbox/store"
	"trapline/internal/poller"
	"trapline/internal/relay"
	"trapline/internal/runtimeconfig"
	"trapline/internal/union"
)

// openMember makes the process a member of the cluster, if there is one.
func (d *daemon) openMember() (err error) {
	if d.first.Config.Cluster == nil {
		return nil
	}
	settings := *d.first.Config.Cluster
	if d.options.Member != "" {
		settings.Member = d.options.Member
	}
	port := strconv.Itoa(settings.WithDefaults().Ports.Members)
	for _, address := range *d.options.Web.WebListenAddresses {
		if strings.HasSuffix(address, ":"+port) {
			return fmt.Errorf("cluster.ports.members and --web.listen-address have the same port, %s: write another one for all members", port)
		}
	}
	if d.member, err = member.Open(member.Options{
		Settings: &settings, StateDir: d.first.Config.StateDir, Version: version.Version, Web: webAddress(settings.WithDefaults().Member, d.options.Web), Logger: d.logger,
		Polls:   func() *poller.Poller { return d.poller },
		Alarms:  d.alarms,
		Rules:   func() member.Rules { return d.evaluator },
		Local:   d.local,
		Devices: d.client,
		Traps:   func() member.Traps { return d.relay },
		Running: d.running,
		EngineID: func() []byte {
			if own := d.notifier.identity(); own != nil {
				return own.ID
			}
			return nil
		},
		Apply: func(done func() bool) { d.reloader.again(done, d.share) },
	}); err == nil {
		d.registry.MustRegister(d.member.Collector())
	}
	return err
}

// webAddress returns host and port under which Prometheus reaches this member, "" if that is not known.
func webAddress(member string, flags *web.FlagConfig) string {
	if flags.WebSystemdSocket != nil && *flags.WebSystemdSocket {
		return ""
	}
	for _, address := range *flags.WebListenAddresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil || port == "0" || strings.Contains(address, "://") {
			continue
		}
		switch ip := net.ParseIP(host); {
		case host == "" || ip.IsUnspecified():
			return net.JoinHostPort(member, port)
		case isLoopback(host) && !isLoopback(member): // for a proxy, of which nothing is known
			continue
		}
		return address
	}
	return ""
}

func isLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// newRelay returns the relay of notifications to the members that own them; nil without a cluster.
func (d *daemon) newRelay() *relay.Relay {
	if d.member == nil {
		return nil
	}
	r := relay.New(relay.Options{
		Name: d.member.Name(), Shard: d.member.ShardOf(), Holder: d.member.Owner, Open: d.member.Open, Peers: d.member.Peers, Logger: d.logger,
		Learn: func(list []relay.Device) { d.listener.Learn(list) },
		Take:  func(ctx context.Context, list []*relay.Notification) []bool { return d.listener.Take(ctx, list) },

		Settle:     func(ctx context.Context) { d.listener.Settle(ctx) },
		Remembered: func(shard string) *relay.Memory { return d.listener.Remembered(shard) },
		Remember:   func(shard string, m *relay.Memory, written time.Time) { d.listener.Remember(shard, m, written) },
		Given:      d.member.Given,
	})
	d.registry.MustRegister(r.Collector())
	return r
}

// unionParts have a member answer for all, and others for its own targets.
type unionParts struct {
	union   *union.Union
	fleet   *union.Fleet
	answers *httpapi.API // of all members
	console *union.Console
	alarms  *union.Alarms
	own     *httpapi.API // of this one
}

func (d *daemon) newUnion(own *httpapi.API) *unionParts {
	u := union.New(d.member)
	all := &unionParts{union: u, fleet: union.NewFleet(u, own.Own.Fleet), console: union.NewConsole(u, own.Own.Console), own: own}
	all.alarms = union.NewAlarms(u, ownAlarms{d.notifier})
	d.notifier.shared.Store(all.alarms)
	all.answers = own.ForAll(union.NewProcess(all.fleet), all.fleet, all.console, union.NewExplainer(all.fleet, own.Explainer))
	return all
}

// forMembers returns the handler of requests of other members: for targets that are polled here. What it answers with is never
// asked of others, and its limits are its own, so that members do not wait for each other.
func (s *server) forMembers(all *unionParts) http.Handler {
	gate := httpserver.NewGate(httpserver.GateOptions{Path: "other members", Running: 64, Waiting: 1024, Wait: time.Second}, s.limits.metrics)
	large := httpserver.NewGate(httpserver.GateOptions{Path: "other members, large", Running: 8, Waiting: 64, Wait: time.Second}, s.limits.metrics)
	mux, calls := http.NewServeMux(), http.NewServeMux()
	all.own.RegisterForMembers(calls)
	s.member.ServeMembers(calls)
	all.console.Register(calls)
	all.alarms.Register(calls)
	s.newAlertmanager(nil).Register(calls)
	s.rules(calls, nil)
	calls.HandleFunc("GET /targets/{name}/metrics", s.ownTarget)
	calls.HandleFunc("GET /snmp", s.freshSNMP)
	all.fleet.Register(calls)
	s.relay.Register(calls)
	s.notifier.tracker.Register(calls)
	whole := s.limits.spool.Handler(nil, s.limits.members.Handler(gate, large, calls))
	stream := func(w http.ResponseWriter, r *http.Request) { // which bounds itself
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(streamTime))
		calls.ServeHTTP(w, r)
	}
	mux.Handle("/", whole)
	mux.HandleFunc("POST /api/v1/targets/{name}/walk", stream)
	mux.HandleFunc("GET /api/v1/events", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("follow") == "" {
			whole.ServeHTTP(w, r)
			return
		}
		stream(w, r)
	})
	return mux
}

// streamTime is how long an answer to another member may take that is a walk of a device, or events as they happen: who follows
// these asks again.
const streamTime = 6 * time.Minute

// running returns the configuration, also while the process starts.
func (d *daemon) running() *runtimeconfig.Config {
	if d.reloader != nil {
		if w := d.reloader.current.Load(); w != nil {
			return w
		}
	}
	return d.first
}

// local returns the store of the state directory, and a function that keeps a copy of its database; nil if there is none.
func (d *daemon) local() (local ledger.Store, keep func() error) {
	s := d.notifier.storage.Load()
	if s.state == nil {
		return nil, nil
	}
	return &bolt.Store{Dir: s.state}, func() error { return store.KeepAs(s.state, "before-cluster") }
}

// alarms returns the alarms that follow the shards of a cluster; nil if none are kept.
func (d *daemon) alarms() member.Alarms {
	o := d.notifier.storage.Load().outbox
	if o == nil {
		return nil // an interface with a nil pointer in it is not nil
	}
	return o
}

// ownAlarms are the alarms of this process.
type ownAlarms struct{ notifier *notifier }

// Apply commits transitions here, unless alarms of a target are about to come from another shard.
func (a ownAlarms) Apply(list []outbox.Transition, now time.Time) error {
	for i := range list {
		if target := list[i].Alarm.Target; a.notifier.member.Holds(target) {
			return api.Errorf(api.ErrUnavailable, "the alarms of %.100q move to another member", target)
		}
	}
	return a.notifier.applyOwn(list, now)
}

// Forward queues notifications here.
func (a ownAlarms) Forward(list []alarm.Event, now time.Time) error {
	return a.notifier.forwardOwn(list, now)
}
