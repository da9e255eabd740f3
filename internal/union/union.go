// Package union has a member of a cluster answer for all: it asks the other members for their parts of an answer, and merges
// these. A member that does not answer is named, and waited for only so long.
package union

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/api"
	"trapline/internal/cluster/peer"
	"trapline/internal/poller"
)

// Members are the members of the cluster. *member.Member is them.
type Members interface {
	Name() string         // of this one
	Peers() []peer.Member // the others that live
	Absent() []string     // those that do not
	Concerns() []string   // what there is to be done about the cluster
	Missing() []string    // why lists of alarms are not complete, but for members that do not answer
	Target(name string) (t *poller.Target, owner peer.Member)
	Targets() []*poller.Target                 // of the configuration
	Elsewhere() map[*poller.Target]peer.Member // those that others poll
	Holder(target string) peer.Member          // that has the alarms of a target, or if it is "" what is of none; one without a name if none does
	Open(context.Context, *peer.Request) (*http.Response, error)
}

const (
	partWait   = time.Second      // for a part of a list
	searchWait = 6 * time.Second  // for one that is searched for, which a member does for 5 s
	answerWait = 10 * time.Second // for an answer about one target or alarm
	askWait    = 6 * time.Minute  // for an answer for which a device is asked
	silentTime = 3 * time.Second  // how long lists do not wait for a member that did not answer
	maxPart    = 64 << 20         // octets of an answer
	maxRefusal = 1 << 20          // octets of an answer that is an error
	maxAsked   = 8                // requests to a member at a time
)

// Union asks the other members of a cluster. Its methods may be called concurrently.
type Union struct {
	members Members

	mu    sync.Mutex
	asked map[string]*asked
}

// asked is what is known of a member that was asked.
type asked struct {
	places chan struct{}
	failed time.Time // zero if it answered the last time
	err    error
}

// New returns the union of members.
func New(members Members) *Union { return &Union{members: members, asked: map[string]*asked{}} }

// silence is the error of a member that does not answer, or not in the words of the API.
type silence struct {
	member string
	err    error
}

func (s *silence) Error() string {
	return fmt.Sprintf("member %s of the cluster does not answer: %v", s.member, s.err)
}

func (s *silence) Unwrap() []error { return []error{api.ErrUnavailable, s.err} }

func (u *Union) of(member string) *asked {
	u.mu.Lock()
	defer u.mu.Unlock()
	a := u.asked[member]
	if a == nil {
		a = &asked{places: make(chan struct{}, maxAsked)}
		u.asked[member] = a
	}
	return a
}

// note records whether a member has answered.
func (u *Union) note(a *asked, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	a.failed, a.err = time.Time{}, err
	if err != nil {
		a.failed = time.Now()
	}
}

// Warnings says why answers are not complete.
func (u *Union) Warnings() []string { return append(u.silent(), u.members.Missing()...) }

// silent names the members that did not answer when they were last asked.
func (u *Union) silent() (list []string) {
	peers := u.members.Peers()
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, p := range peers {
		if a := u.asked[p.Name]; a != nil && !a.failed.IsZero() {
			list = append(list, (&silence{p.Name, a.err}).Error())
		}
	}
	return list
}

// silentNow returns the error of a member that was found silent a moment ago.
func (u *Union) silentNow(a *asked) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if a.failed.IsZero() || time.Since(a.failed) > silentTime {
		return nil
	}
	return a.err
}

// open sends a request to a member, and returns its answer, which the caller closes. An answer of another status than 200 is
// an error of the API.
func (u *Union) open(ctx context.Context, q *peer.Request) (answer *http.Response, leave func(), err error) {
	a := u.of(q.To.Name)
	failed := func(err error) error {
		if !errors.Is(context.Cause(ctx), context.Canceled) { // the client has gone, and the member is not to blame
			u.note(a, err)
		}
		return &silence{q.To.Name, err}
	}
	select {
	case a.places <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, &silence{q.To.Name, fmt.Errorf("%d requests wait for it", maxAsked)}
	}
	if answer, err = u.members.Open(ctx, q); err != nil {
		<-a.places
		return nil, nil, failed(plain(err))
	}
	body := answer.Body
	leave = func() {
		_ = body.Close()
		<-a.places
	}
	if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusNotModified {
		u.note(a, nil)
		return answer, leave, nil
	}
	defer leave()
	text, err := peer.Read(body, maxRefusal)
	if err != nil {
		return nil, nil, failed(err)
	}
	var e api.Answer
	if json.Unmarshal(text, &e) != nil || e.Status != "error" {
		return nil, nil, failed(fmt.Errorf("status %d", answer.StatusCode))
	}
	u.note(a, nil)
	return nil, nil, e.Failure()
}

// plain leaves out the URL, which is that of the member.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil || !strings.Contains(err.Error(), "://") {
			return err
		}
		err = inner
	}
}

// ask reads the answer of a member into a value, which may be nil.
func (u *Union) ask(ctx context.Context, q *peer.Request, into any) error {
	answer, leave, err := u.open(ctx, q)
	if err != nil {
		return err
	}
	defer leave()
	text, err := peer.Read(answer.Body, maxPart)
	var e api.Answer
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err == nil && e.Status != "success" {
		err = errors.New("its answer is not one of the API")
	}
	if err == nil && into != nil {
		err = json.Unmarshal(e.Data, into)
	}
	if err != nil {
		err = plain(err)
		u.note(u.of(q.To.Name), err)
		return &silence{q.To.Name, err}
	}
	return nil
}

// post returns a request that acts.
func post(to peer.Member, path string, in any) *peer.Request {
	body, _ := json.Marshal(in) // types of the API, which have no errors
	return &peer.Request{To: to, Method: http.MethodPost, Path: path, Body: body, Header: http.Header{"Content-Type": {"application/json"}}}
}

// part is the answer of a member, or its error.
type part[T any] struct {
	of   peer.Member
	data T
	err  error
}

// gather asks all other members at once for their parts of a list. It returns when all have answered, after partWait at the
// latest, and does not wait for those that did not answer a moment ago. The parts are sorted by the members' names. A nil request
// leaves a member out.
func gather[T any](u *Union, request func(peer.Member) *peer.Request) []part[T] {
	return gatherWithin[T](u, partWait, request)
}

func gatherWithin[T any](u *Union, wait time.Duration, request func(peer.Member) *peer.Request) []part[T] {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	return askAll(u, request, func(q *peer.Request, into *T) error {
		if err := u.silentNow(u.of(q.To.Name)); err != nil {
			return &silence{q.To.Name, err}
		}
		return u.ask(ctx, q, into)
	})
}

// waitFor is how long members are waited for that look for words or labels.
func waitFor(text string, match []string) time.Duration {
	if text == "" && len(match) == 0 {
		return partWait
	}
	return searchWait
}

// actAll has all other members act at once.
func actAll(u *Union, request func(peer.Member) *peer.Request) []part[struct{}] {
	ctx, cancel := context.WithTimeout(context.Background(), answerWait)
	defer cancel()
	return askAll(u, request, func(q *peer.Request, _ *struct{}) error { return u.ask(ctx, q, nil) })
}

func askAll[T any](u *Union, request func(peer.Member) *peer.Request, ask func(*peer.Request, *T) error) []part[T] {
	requests := []*peer.Request{}
	for _, p := range u.members.Peers() {
		if q := request(p); q != nil {
			requests = append(requests, q)
		}
	}
	slices.SortFunc(requests, func(a, b *peer.Request) int { return strings.Compare(a.To.Name, b.To.Name) })
	parts := make([]part[T], len(requests))
	var group sync.WaitGroup
	for i, q := range requests {
		parts[i].of = q.To
		group.Go(func() { parts[i].err = ask(q, &parts[i].data) })
	}
	group.Wait()
	return parts
}

// list returns a request for a path of every member.
func list(path string) func(peer.Member) *peer.Request {
	return func(to peer.Member) *peer.Request { return &peer.Request{To: to, Path: path} }
}

// answers returns the parts that arrived. A refusal, which every member has for the same query, is an error.
func answers[T any](parts []part[T]) (list []T, err error) {
	for i := range parts {
		if parts[i].err == nil {
			list = append(list, parts[i].data)
		} else if !isSilence(parts[i].err) && err == nil {
			err = parts[i].err
		}
	}
	return list, err
}

func isSilence(err error) bool {
	s := (*silence)(nil)
	return errors.As(err, &s)
}
