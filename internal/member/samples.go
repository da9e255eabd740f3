package member

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"trapline/internal/api"
	"trapline/internal/cluster/peer"
	"trapline/internal/cluster/plan"
	"trapline/internal/rules/fleet"
)

// The paths of requests between members about rules.
const (
	samplesPath = "/rules/samples"
	heldPath    = "/rules/held"
)

const (
	samplesWait = 5 * time.Second // for the samples of all other members
	restoreWait = 2 * time.Second // for those of a shard that was released, and for measurements
	heldWait    = 2 * time.Second
	maxAsked    = 16      // members that are asked at once
	maxHeld     = 1 << 20 // octets of an answer
)

// Samples asks all other members for samples. The error names those that do not answer.
func (m *Member) Samples(ctx context.Context, r *fleet.Request) (answers []*fleet.Answer, err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, samplesWait)
	defer cancel()
	var mu sync.Mutex
	var faults []error
	var group errgroup.Group
	group.SetLimit(maxAsked)
	for _, other := range m.Peers() {
		group.Go(func() error {
			a, err := m.samplesOf(ctx, other, text)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				faults = append(faults, err)
			} else {
				answers = append(answers, a)
			}
			return nil
		})
	}
	_ = group.Wait()
	return answers, errors.Join(faults...)
}

func (m *Member) samplesOf(ctx context.Context, other peer.Member, request []byte) (*fleet.Answer, error) {
	answer, err := m.client.Open(ctx, &peer.Request{To: other, Method: http.MethodPost, Path: samplesPath, Body: request})
	if err != nil {
		return nil, fmt.Errorf("member %s does not answer: %w", other.Name, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := peer.Read(answer.Body, maxHeld)
		return nil, &fleet.Refused{Member: other.Name, Text: string(bytes.TrimSpace(text))}
	}
	a, err := fleet.ReadAnswer(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("the answer of member %s: %w", other.Name, err)
	}
	return a, nil
}

// before returns the member that had a shard before, if it lives and is another one: otherwise one without a name.
func (m *Member) before(shard string) peer.Member {
	before, lives := m.cluster.Before(shard)
	if !lives || before.Name == m.name {
		return peer.Member{}
	}
	return peer.Member{Name: before.Name, URL: before.URL}
}

// restore fetches from the member that had a shard before, if it lives, the samples that rules look back at, and then what was
// measured of the devices.
func (m *Member) restore(ctx context.Context, shard string) {
	from := m.before(shard)
	targets := m.count(m.options.Running()).having[shard]
	if from.Name == "" || len(targets) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, restoreWait)
	defer cancel()
	if err := m.restoreSamples(ctx, from, targets); err != nil && ctx.Err() == nil {
		m.options.Logger.Debug("rules that look back wait: the samples of a shard cannot be fetched", "shard", shard, "err", err)
	}
	if err := m.learn(ctx, from, shard, targets); err != nil && ctx.Err() == nil {
		m.options.Logger.Debug("devices are measured anew: the measurements of a shard cannot be fetched", "shard", shard, "err", err)
	}
}

func (m *Member) restoreSamples(ctx context.Context, from peer.Member, targets []string) error {
	rules := m.options.Rules()
	request := rules.Window(targets)
	if request == nil {
		return nil
	}
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	a, err := m.samplesOf(ctx, from, text)
	if err != nil {
		return err
	}
	a.Keep(targets)
	return rules.Restore(a)
}

// ServeMembers answers requests of other members about rules, and about devices that they poll from now on.
func (m *Member) ServeMembers(mux *http.ServeMux) {
	mux.HandleFunc("POST "+samplesPath, func(w http.ResponseWriter, r *http.Request) {
		request, err := fleet.ReadRequest(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := m.options.Rules().Answer(r.Context(), request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		writeJSON(w, answer)
	})
	mux.HandleFunc("POST "+learnedPath, m.serveLearned)
	mux.HandleFunc("POST "+homesPath, m.serveHomes)
	mux.HandleFunc("GET "+heldPath, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, m.ownHeld()) })
}

func writeJSON(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // after a disconnect nobody can receive the error
}

// ownHeld returns the groups of rules that wait for the samples of all targets, if this member evaluates them.
func (m *Member) ownHeld() []api.ClusterHeld {
	list := []api.ClusterHeld{}
	for _, h := range m.options.Rules().HeldRounds() {
		list = append(list, api.ClusterHeld{Group: h.Group, Since: h.Since, Reason: h.Reason})
	}
	return list
}

// held returns the same of the member that evaluates them; none if it does not answer.
func (m *Member) held(ctx context.Context) []api.ClusterHeld {
	owner, _ := m.cluster.Owner(plan.Global)
	if owner.Name == m.name || owner.Name == "" {
		return m.ownHeld()
	}
	ctx, cancel := context.WithTimeout(ctx, heldWait)
	defer cancel()
	list := []api.ClusterHeld{}
	answer, err := m.client.Open(ctx, &peer.Request{To: peer.Member{Name: owner.Name, URL: owner.URL}, Path: heldPath})
	if err != nil {
		return list
	}
	if peer.ReadJSON(answer, maxHeld, &list) != nil {
		return []api.ClusterHeld{}
	}
	return list
}
