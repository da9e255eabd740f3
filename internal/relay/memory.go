package relay

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"trapline/internal/cluster/peer"
)

// Memory is which notifications the owner of a shard has taken lately. A device may send each to several members, and they may come late:
// the next owner takes none of them once more, and applies none that a later one has overtaken.
type Memory struct {
	Traps      []Taken `json:"traps,omitempty"` // by hash
	Informs    []Taken `json:"informs,omitempty"`
	Handed     []Taken `json:"handed,omitempty"`     // by ID
	Conditions []Taken `json:"conditions,omitempty"` // the last one about each, by hash of its source

	Waited time.Duration `json:"waited"` // for those that were being taken
}

// Taken is a notification that was taken.
type Taken struct {
	Key uint64        `json:"key"`
	Age time.Duration `json:"age"` // since it was received, when it is sent
}

// Empty reports whether there is none.
func (m *Memory) Empty() bool {
	return len(m.Traps)+len(m.Informs)+len(m.Handed)+len(m.Conditions) == 0
}

const (
	memoryPath = "/traps/memory"
	// MaxTaken bounds each list of a memory, and maxMemory its octets.
	MaxTaken, maxMemory = 50_000, 16 << 20
	// memoryWait is how long the last owner of a shard is waited for, and settleWait how long notifications that are being taken.
	memoryWait, settleWait = 2 * time.Second, time.Second
)

// accepts reports whether this member takes notifications of a shard. Its caller holds mu.
func (r *Relay) accepts(shard string) bool {
	return r.accepted[shard] && r.options.Holder(shard).Name == r.options.Name
}

// Accepts is the same for those that others hand over. r may be nil.
func (r *Relay) Accepts(shard string) bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepts(shard)
}

// Fetch learns from the last owner of a shard, if it lives, which notifications it has taken. None of the shard is taken here until Accept.
func (r *Relay) Fetch(ctx context.Context, shard string, from peer.Member) {
	r.Lose(shard)
	if from.Name == "" || from.Name == r.options.Name {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, memoryWait)
	defer cancel()
	asked := time.Now()
	response, err := r.options.Open(ctx, &peer.Request{To: from, Path: memoryPath + "?" + url.Values{"shard": {shard}}.Encode()})
	took := time.Since(asked)
	var m Memory
	if err == nil {
		err = peer.ReadJSON(response, maxMemory, &m)
	}
	if err != nil {
		r.options.Logger.Debug("traps may be taken once more: the last owner of a shard does not say which it has taken", "shard", shard, "member", from.Name, "err", err)
		return
	}
	waited := min(max(m.Waited, 0), took)
	r.options.Remember(shard, &m, asked.Add(waited+(took-waited)/2))
}

// Accept has notifications of a shard taken here, those that wait first.
func (r *Relay) Accept(shard string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted[shard] = true
	signal(r.wake)
}

// Release has no notifications of a shard taken here any more, and returns when those are that were being taken. It reports whether the
// next owner has anything to learn.
func (r *Relay) Release(shard string) (remembers bool) {
	r.Lose(shard)
	r.settle(context.Background())
	return !r.options.Remembered(shard).Empty()
}

// Lose is the same of a shard that may have another owner by now, and waits for nothing.
func (r *Relay) Lose(shard string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.accepted, shard)
}

func (r *Relay) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	r.options.Settle(ctx)
}

// serveMemory answers the next owner of a shard. It changes nothing: this member may have taken the shard again since, whatever it has heard
// from the engine.
func (r *Relay) serveMemory(w http.ResponseWriter, request *http.Request) {
	shard := request.FormValue("shard")
	asked := time.Now()
	r.settle(request.Context())
	m := r.options.Remembered(shard)
	m.Waited = time.Since(asked)
	w.Header().Set("Content-Type", "application/json")
	if json.NewEncoder(w).Encode(m) == nil && r.options.Given != nil { // else the member has gone
		r.options.Given(shard)
	}
}

// Flush waits until others have taken the notifications that wait for them.
func (r *Relay) Flush(ctx context.Context) {
	for {
		r.mu.Lock()
		count := r.count
		r.mu.Unlock()
		if count == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-r.delivered:
		}
	}
}
