package client

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"unique"

	"trapline/internal/access"
	"trapline/internal/conn"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// Options of a Client.
type Options struct {
	Logger      *slog.Logger // nil logs nothing
	Metrics     *mux.Metrics // nil counts nothing
	MaxVarBinds int          // of one walk; 0 means DefaultMaxVarBinds
	// MaxTotalBytes bounds the octets of answers that all Polls hold; 0 means DefaultMaxTotalBytes.
	MaxTotalBytes int
	MaxInFlight   int // requests under way on one socket; 0 means as many as its receive buffer has room for
	// Trace is shown each message over UDP, but those of gosnmp. Others wait until it returns, and it
	// must keep nothing of the Packet.
	Trace func(*mux.Packet)
}

// DefaultMaxVarBinds ends walks of agents that never come to an end.
const DefaultMaxVarBinds = 1 << 20

// maxTargets is how many targets a Client remembers. One that was forgotten costs no more than the
// discovery of its SNMPv3 engine when it is polled again.
const maxTargets = 50_000

// Client polls targets. It keeps its measurements of them between polls, but neither sockets nor
// buffers. It is safe for concurrent use.
type Client struct {
	logger      *slog.Logger
	metrics     *mux.Metrics
	maxVarBinds int
	maxTargets  int
	holds       total
	env         conn.Env
	turn        turn
	mux         *mux.Mux

	mu      sync.Mutex
	closed  bool
	targets map[identity]*list.Element // of *Target, in recent
	recent  *list.List                 // the last used is in front

	restored sync.Map // of saved, by Target.key: targets not polled since
}

// identity is all that a Spec says, comparable.
type identity struct {
	spec Spec // without Auth
	as   unique.Handle[access.Auth]
}

// New returns a Client.
func New(o Options) *Client {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxVarBinds <= 0 {
		o.MaxVarBinds = DefaultMaxVarBinds
	}
	e := &Client{
		logger: o.Logger, metrics: o.Metrics, maxVarBinds: o.MaxVarBinds, maxTargets: maxTargets,
		mux: mux.New(o.Metrics, o.Logger), env: conn.Env{Logger: o.Logger, Metrics: o.Metrics, Resolve: net.DefaultResolver.LookupNetIP},
		targets: map[identity]*list.Element{}, recent: list.New(), turn: newTurn(),
	}
	e.holds.metrics = o.Metrics
	e.SetMaxTotalBytes(o.MaxTotalBytes)
	e.mux.Trace, e.mux.MaxInFlight = o.Trace, o.MaxInFlight
	return e
}

var defaultAuth = access.DefaultAuth()

var errClosed = errors.New("the client is closed")

// Target returns the target that s describes, with the measurements of earlier polls. It sends
// nothing. A nil s.Auth means DefaultAuth; another is not to be changed from now on. The error is an
// *Error.
func (e *Client) Target(s Spec) (*Target, error) {
	auth := s.Auth
	if auth == nil {
		auth = &defaultAuth
	}
	s.Auth = nil
	id := identity{s, unique.Make(*auth)}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, &access.Error{Op: "connect", Target: s.Address, Reason: access.Canceled, Err: errClosed}
	}
	if element, ok := e.targets[id]; ok {
		e.recent.MoveToFront(element)
		return element.Value.(*Target), nil
	}
	t, err := e.newTarget(id, auth)
	if err != nil {
		return nil, err
	}
	e.targets[id] = e.recent.PushFront(t)
	if oldest := e.recent.Back(); e.recent.Len() > e.maxTargets {
		delete(e.targets, e.recent.Remove(oldest).(*Target).identity())
	}
	return t, nil
}

// SetMaxTotalBytes bounds the octets of answers that all Polls hold; 0 means DefaultMaxTotalBytes.
func (e *Client) SetMaxTotalBytes(n int) {
	e.holds.max.Store(int64(cmp.Or(n, DefaultMaxTotalBytes)))
}

// Close forgets all targets. Polls that are under way end by their contexts.
func (e *Client) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.targets = nil
	e.recent.Init()
	e.mux.Close()
	return nil
}

// Target is a device, and as whom to ask it. It is safe for concurrent use.
type Target struct {
	conn   conn.Target
	as     unique.Handle[access.Auth]
	client *Client
	mux    *mux.Mux

	sessions conn.Sessions // nil where the multiplexer carries polls
	device   *device       // guarded by the multiplexer's mutex; nil before the first poll
}

func (t *Target) identity() identity { return identity{t.conn.Spec, t.as} }

func (e *Client) newTarget(id identity, auth *access.Auth) (*Target, error) {
	address, err := access.ParseAddress(id.spec.Address)
	if err != nil {
		return nil, &access.Error{Op: "connect", Target: id.spec.Address, Reason: access.Resolve, Err: err}
	}
	if m := auth.Problems(); len(m) > 0 {
		return nil, &access.Error{Op: "connect", Target: id.spec.Address, Reason: access.Credentials, Err: errors.New(m[0].Text)}
	}
	t := &Target{
		conn: conn.Target{Spec: id.spec, Auth: auth, Address: address, Env: &e.env},
		as:   id.as, client: e, mux: e.mux,
	}
	if !t.viaMux() && auth.Version == 3 && auth.SecurityLevel == access.AuthPriv && auth.PrivProtocol == snmp.TripleDES.String() {
		return nil, &access.Error{Op: "connect", Target: id.spec.Address, Reason: access.Credentials, Err: errors.New(access.NoTripleDES)}
	}
	if !t.viaMux() {
		sessions, failed := conn.NewSessions(&t.conn)
		if failed != nil {
			failed.Op, failed.Target = "connect", id.spec.Address
			return nil, failed
		}
		t.sessions = sessions
	}
	return t, nil
}

// Poll asks for all of p and hands every varbind to yield, those of a walk in their order and, over the
// multiplexer, once all walks have ended: of instances also those with an exception or NULL in the place of a
// value, of walks only those with values. A VarBind and its
// slices are valid only during the call. Polls of one target may run at the same time.
//
// The error is nil when everything arrived, else an *Error for each thing that did not, joined. Once
// the target itself failed (Error.Whole) nothing more is asked for.
func (t *Target) Poll(ctx context.Context, p *Plan, yield func(snmp.VarBind)) (mux.Stats, error) {
	stats := mux.Stats{Progress: mux.ProgressOf(ctx)}
	leave, failed := t.enter(ctx)
	if failed != nil {
		failed.Op, failed.Target = "connect", t.conn.Spec.Address
		return mux.Stats{}, failed
	}
	defer leave()
	o := resolveParams(p.Params, t.conn.Auth.Version == 1)
	o.alone = p.Alone
	pass := pass{
		target: t.conn.Spec.Address, metrics: t.client.metrics, resolvedParams: o, toEnd: p.ToEnd,
		maxVarBinds: t.client.maxVarBinds, yield: yield, stats: &stats,
		holding: &holding{total: &t.client.holds, max: o.maxBytes},
	}
	defer pass.holding.close()
	if t.viaMux() {
		t.pollViaMux(ctx, p, &pass)
		return t.settledStats(&stats), pass.err()
	}
	err := t.pollSession(ctx, p, &pass)
	stats.Progress = nil
	return stats, err
}

// pollSession is Poll through a session of its own.
func (t *Target) pollSession(ctx context.Context, p *Plan, w *pass) error {
	s, failed := t.sessions.Open(ctx, w.limits(), w.stats)
	if failed != nil {
		failed.Op, failed.Target, failed.Err = "connect", t.conn.Spec.Address, access.Explained(failed.Err, t.conn.Address.Network, t.conn.Address.Port)
		return failed
	}
	defer s.Close()
	w.exchanger = s
	w.run(ctx, p)
	if s.Discovered() {
		w.discovered()
	}
	return w.err()
}

// settledStats copies the counters of a poll that is over, and adds the path to the target. A
// discovery that it began may still be under way, on behalf of others, and goes on counting.
func (t *Target) settledStats(s *mux.Stats) mux.Stats {
	t.mux.Lock()
	defer t.mux.Unlock()
	settled := *s
	settled.Progress = nil
	if d := t.device; d != nil {
		settled.Path = d.peer.PathLocked()
		if settled.Path != (mux.Path{}) {
			settled.Path.MaxBindings = d.capacity.max
		}
	}
	return settled
}

// SNMPEngine returns the ID of the SNMPv3 engine that answers for the target, and how often it has booted; ok is false
// while that is not known, and of other versions.
func (t *Target) SNMPEngine() (id []byte, boots int32, ok bool) {
	t.mux.Lock()
	defer t.mux.Unlock()
	if t.device == nil {
		return nil, 0, false
	}
	id, boots, _, ok = t.device.peer.EngineLocked(t.mux.Now)
	return id, boots, ok
}

// LogValue names the target in logs.
func (t *Target) LogValue() slog.Value { return slog.StringValue(t.conn.Spec.Address) }
