package relay

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/cluster/peer"
)

// Options of a Relay.
type Options struct {
	Name   string                                                         // of this member
	Shard  func(owner string) string                                      // of a target, or of a device by its address
	Holder func(shard string) peer.Member                                 // that owns a shard; one without a name if nobody does
	Open   func(context.Context, *peer.Request) (*http.Response, error)   // asks another member
	Take   func(ctx context.Context, list []*Notification) (taken []bool) // takes those that this member owns, in their order
	Peers  func() []peer.Member                                           // the other members that live; nil: none
	Learn  func([]Device)                                                 // takes what polls of others have brought
	Logger *slog.Logger

	Settle     func(context.Context)                            // returns when no notification is being taken that was before
	Remembered func(shard string) *Memory                       // which ones were taken lately
	Remember   func(shard string, m *Memory, written time.Time) // adds those that its last owner had taken when it wrote that
	Given      func(shard string)                               // called once its next owner has the answer; may be nil
}

// TrapTime is how long a trap is kept for its owner.
const TrapTime = 5 * time.Minute

const (
	// informTime is how long an inform is kept, which its sender repeats.
	informTime = 5 * time.Second
	// retryTime is how soon notifications are tried again that were not taken.
	retryTime = time.Second
	// sendWait bounds how long a member is waited for.
	sendWait = 5 * time.Second
	// maxWaiting and maxOctets bound the notifications that wait, maxBatch and maxBatchOctets those of one request.
	maxWaiting, maxOctets    = 20_000, 32 << 20
	maxBatch, maxBatchOctets = 1000, 1 << 20
	// maxBody bounds the octets of a request, and maxAnswer those of its answer.
	maxBody, maxAnswer = 8 << 20, 1 << 20
	// lossTime is the time between two messages about notifications that are lost.
	lossTime = 10 * time.Second
)

// Relay hands notifications to their owners. Its methods may be called concurrently. A nil one owns all.
type Relay struct {
	options Options
	devices *devices
	passed  *prometheus.CounterVec

	wake      chan struct{}
	delivered chan struct{} // signals that fewer wait

	mu       sync.Mutex
	accepted map[string]bool  // shards of which notifications are taken here, while this member owns them
	waiting  map[string]*line // by owner
	order    []*line          // those that wait, the oldest first
	count    int              // of notifications
	octets   int
	asked    map[string]bool // members with a request under way
	lost     int             // since that was logged
	reported time.Time
}

// line are the notifications of one owner, the oldest first.
type line struct {
	owner   string
	list    []*item
	sending int       // of the first ones, which are being handed on
	next    time.Time // when it is tried again
}

type item struct {
	notification *Notification
	acknowledge  func() // nil of a trap
	until        time.Time
}

// New returns a relay without notifications.
func New(o Options) *Relay {
	return &Relay{
		options: o, devices: newDevices(), wake: make(chan struct{}, 1), delivered: make(chan struct{}, 1),
		accepted: map[string]bool{}, waiting: map[string]*line{}, asked: map[string]bool{},
		passed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trapline_cluster_traps_passed_on_total", Help: "Notifications of devices that other members of the cluster own: taken by these, or lost because no owner took them in time.",
		}, []string{"result"}),
	}
}

// The results of notifications.
const taken, lost = "taken", "lost"

// Collector has the metrics.
func (r *Relay) Collector() prometheus.Collector { return r.passed }

// Shard returns the shard of the owner of a notification, and whether that is to be taken here: otherwise it is to be handed on. Another
// member owns the shard, or nobody does at the moment, or earlier ones wait. r may be nil.
func (r *Relay) Shard(owner string) (shard string, here bool) {
	if r == nil {
		return "", true
	}
	shard = r.options.Shard(owner)
	r.mu.Lock()
	defer r.mu.Unlock()
	return shard, r.waiting[owner] == nil && r.accepts(shard)
}

// Hand has the owner take a notification. acknowledge is called once it has; it is nil for a trap, which nobody sends again.
func (r *Relay) Hand(n *Notification, acknowledge func()) {
	keep := TrapTime
	if acknowledge != nil {
		keep = informTime
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count >= maxWaiting || r.octets+n.size() > maxOctets {
		r.lose(acknowledge)
		return
	}
	l := r.waiting[n.Owner]
	if l == nil {
		l = &line{owner: n.Owner}
		r.waiting[n.Owner] = l
		r.order = append(r.order, l)
	}
	l.list = append(l.list, &item{n, acknowledge, time.Now().Add(keep)})
	r.count, r.octets = r.count+1, r.octets+n.size()
	signal(r.wake)
}

// lose notes a notification that no owner takes. An inform is sent again.
func (r *Relay) lose(acknowledge func()) {
	if acknowledge != nil {
		return
	}
	r.passed.WithLabelValues(lost).Inc()
	r.lost++
	if now := time.Now(); now.Sub(r.reported) >= lossTime {
		r.options.Logger.Error("traps are lost whose owner in the cluster does not take them", "traps", r.lost)
		r.lost, r.reported = 0, now
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run hands notifications on, and learns about devices of others, until ctx is canceled. r may be nil.
func (r *Relay) Run(ctx context.Context) error {
	if r == nil {
		return nil
	}
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { r.follow(ctx) })
	again := time.NewTicker(retryTime / 4)
	defer again.Stop()
	for {
		for _, b := range r.batches(time.Now()) {
			running.Go(func() { r.deliver(ctx, b) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-again.C:
		}
	}
}

// batch are notifications for one member.
type batch struct {
	to     peer.Member
	lines  []*line
	list   []*Notification
	octets int
}

// batches returns what can be handed on now, one batch for a member.
func (r *Relay) batches(now time.Time) (list []*batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	by := map[string]*batch{}
	left := r.order[:0]
	for _, l := range r.order {
		if l.sending == 0 {
			r.expire(l, now)
		}
		if len(l.list) == 0 {
			delete(r.waiting, l.owner)
			continue
		}
		if left = append(left, l); l.sending > 0 || now.Before(l.next) {
			continue
		}
		shard := r.options.Shard(l.owner)
		to := r.options.Holder(shard)
		if to.Name == "" || r.asked[to.Name] || to.Name == r.options.Name && !r.accepted[shard] {
			continue
		}
		b := by[to.Name]
		if b == nil {
			b = &batch{to: to}
			by[to.Name] = b
			list = append(list, b)
		}
		b.add(l, shard)
	}
	clear(r.order[len(left):])
	r.order = left
	for _, b := range list {
		r.asked[b.to.Name] = true
	}
	return list
}

// add adds the first notifications of a line, as far as there is room.
func (b *batch) add(l *line, shard string) {
	for _, one := range l.list {
		if len(b.list) >= maxBatch || len(b.list) > 0 && b.octets+one.notification.size() > maxBatchOctets {
			break
		}
		b.octets += one.notification.size()
		n := *one.notification // an earlier batch may still be looked at
		n.Shard = shard
		b.list = append(b.list, &n)
		l.sending++
	}
	if l.sending > 0 {
		b.lines = append(b.lines, l)
	}
}

// expire removes the notifications that have waited for too long.
func (r *Relay) expire(l *line, now time.Time) {
	kept := l.list[:0]
	for _, one := range l.list {
		if now.Before(one.until) {
			kept = append(kept, one)
			continue
		}
		r.count, r.octets = r.count-1, r.octets-one.notification.size()
		r.lose(one.acknowledge)
	}
	clear(l.list[len(kept):])
	l.list = kept
}

// deliver hands a batch on, and acknowledges what was taken.
func (r *Relay) deliver(ctx context.Context, b *batch) {
	ctx, cancel := context.WithTimeout(ctx, sendWait)
	defer cancel()
	var results []bool
	if b.to.Name == r.options.Name {
		results = r.options.Take(ctx, b.list)
	} else {
		var err error
		if results, err = r.send(ctx, b); err != nil && ctx.Err() == nil {
			r.options.Logger.Debug("traps wait for their owner in the cluster", "member", b.to.Name, "traps", len(b.list), "err", err)
		}
	}
	var acknowledged []func()
	r.mu.Lock()
	delete(r.asked, b.to.Name)
	at := 0
	for _, l := range b.lines {
		kept := make([]*item, 0, len(l.list)-l.sending)
		for _, one := range l.list[:l.sending] {
			if at < len(results) && results[at] {
				r.count, r.octets = r.count-1, r.octets-one.notification.size()
				r.passed.WithLabelValues(taken).Inc()
				if one.acknowledge != nil {
					acknowledged = append(acknowledged, one.acknowledge)
				}
			} else {
				kept = append(kept, one)
				l.next = time.Now().Add(retryTime)
			}
			at++
		}
		l.list, l.sending = append(kept, l.list[l.sending:]...), 0
	}
	r.mu.Unlock()
	for _, acknowledge := range acknowledged {
		acknowledge()
	}
	signal(r.wake)
	signal(r.delivered)
}

// path is that of requests with notifications.
const path = "/traps"

// answer says which notifications of a request were taken.
type answer struct {
	Taken []bool `json:"taken"`
}

func (r *Relay) send(ctx context.Context, b *batch) ([]bool, error) {
	now := time.Now()
	for _, n := range b.list {
		n.Age = now.Sub(n.at)
	}
	body, err := json.Marshal(b.list)
	if err != nil {
		return nil, err
	}
	response, err := r.options.Open(ctx, &peer.Request{To: b.to, Method: http.MethodPost, Path: path, Body: body, Header: http.Header{"Content-Type": {"application/json"}}})
	if err != nil {
		return nil, err
	}
	var a answer
	if err := peer.ReadJSON(response, maxAnswer, &a); err != nil {
		return nil, err
	}
	if len(a.Taken) != len(b.list) {
		return nil, errors.New("the answer is about other notifications")
	}
	return a.Taken, nil
}

// Register adds the paths for other members.
func (r *Relay) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+devicesPath, r.serveDevices)
	mux.HandleFunc("GET "+memoryPath, r.serveMemory)
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, request *http.Request) {
		var list []*Notification
		err := json.NewDecoder(io.LimitReader(request.Body, maxBody)).Decode(&list)
		now := time.Now()
		for _, n := range list {
			if n == nil || n.Age < 0 || n.Age > time.Hour || !n.From.IsValid() || !n.Device.IsValid() {
				err = errors.New("a notification is none")
				break
			}
			n.at = now.Add(-n.Age)
			if n.Shard == "" { // of a member that does not say it yet
				n.Shard = r.options.Shard(n.Owner)
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer{r.options.Take(request.Context(), list)}) // the member has gone
	})
}
