package member

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"trapline/internal/client"
	"trapline/internal/cluster/peer"
)

// Devices has measurements of devices, which make polls faster and change no result. *client.Client is one.
type Devices interface {
	Learned(client.Spec) []byte
	Learn(client.Spec, []byte) error
}

// learnedPath is the path of requests for measurements.
const learnedPath = "/learned"

const (
	handOverWait  = 4 * time.Second // for the next owners to ask a member that leaves: a take may have to be repeated
	maxLearned    = 32 << 20        // octets of an answer
	maxLearnedAsk = 4 << 20         // octets of a request
)

// learnedRequest asks for the measurements of targets of a shard, learnedAnswer has them.
type (
	learnedRequest struct {
		Shard   string   `json:"shard"`
		Targets []string `json:"targets"`
	}
	learnedAnswer map[string]learnedOf // by target
	learnedOf     struct {
		Address string `json:"address"` // by the configuration of the member that answers
		State   []byte `json:"state"`
	}
)

// learn fetches the measurements of the devices of a shard from the member that had it before.
func (m *Member) learn(ctx context.Context, from peer.Member, shard string, targets []string) error {
	text, err := json.Marshal(learnedRequest{shard, targets})
	if err != nil {
		return err
	}
	answer, err := m.client.Open(ctx, &peer.Request{To: from, Method: http.MethodPost, Path: learnedPath, Body: text})
	if err != nil {
		return err
	}
	var list learnedAnswer
	if err := peer.ReadJSON(answer, maxLearned, &list); err != nil {
		return err
	}
	named := m.count(m.options.Running()).named
	for _, name := range targets {
		if t := named[name]; t != nil && list[name].State != nil && list[name].Address == t.Spec.Address {
			_ = m.options.Devices.Learn(t.Spec, list[name].State) // what is refused is measured again
		}
	}
	return nil
}

// serveLearned answers the next owner of a shard.
func (m *Member) serveLearned(w http.ResponseWriter, r *http.Request) {
	var request learnedRequest
	if err := json.NewDecoder(io.LimitReader(r.Body, maxLearnedAsk)).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	list := learnedAnswer{}
	named := m.count(m.options.Running()).named
	size := 0
	for _, name := range request.Targets {
		if t := named[name]; t != nil {
			if state := m.options.Devices.Learned(t.Spec); state != nil && size+len(state) < maxLearned/2 { // which base64 makes longer
				size += len(state)
				list[name] = learnedOf{t.Spec.Address, state}
			}
		}
	}
	writeJSON(w, list)
	m.left.forget(part{request.Shard, false})
}

// left are the parts of shards that this member has released and the next owners have not asked for yet.
type left struct {
	mu    sync.Mutex
	parts map[part]bool
	none  chan struct{} // closed when there is none, if somebody waits
}

// part is a part of a shard: which traps were taken, or else samples and measurements.
type part struct {
	shard string
	traps bool
}

func (l *left) add(p part) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.parts == nil {
		l.parts = map[part]bool{}
	}
	l.parts[p] = true
}

func (l *left) forget(p part) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if delete(l.parts, p); len(l.parts) == 0 && l.none != nil {
		close(l.none)
		l.none = nil
	}
}

// await waits until there is none.
func (l *left) await(ctx context.Context) {
	l.mu.Lock()
	none := make(chan struct{})
	if l.none = none; len(l.parts) == 0 {
		close(none)
		l.none = nil
	}
	l.mu.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
	}
}

// handOver waits until the next owners have asked this member, which leaves, for samples, measurements and the traps that were taken, and
// then until others have the traps that wait for them, for a short time.
func (m *Member) handOver(ctx context.Context) {
	if len(m.Peers()) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, handOverWait)
	defer cancel()
	m.left.await(ctx)
	m.options.Traps().Flush(ctx)
}
