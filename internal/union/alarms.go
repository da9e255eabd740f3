package union

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/cluster/peer"
	"trapline/internal/outbox"
)

// Alarms commits transitions of alarms, and queues notifications that are passed on, at the members that have the alarms' targets.
// Its methods may be called concurrently.
type Alarms struct {
	union *Union
	own   Outbox
}

// Outbox has the alarms of a member. *outbox.Outbox is one.
type Outbox interface {
	Apply([]outbox.Transition, time.Time) error
	Forward([]alarm.Event, time.Time) error
}

// NewAlarms returns the alarms of a union of which a member has its own.
func NewAlarms(u *Union, own Outbox) *Alarms { return &Alarms{u, own} }

const (
	applyWait  = 5 * time.Second // for another member to commit
	maxApplied = 1000            // transitions in a request
)

// The paths by which members hand alarms to their owners.
const (
	transitionsPath = "/transitions"
	forwardsPath    = "/forwards"
)

// applied is the body of a request.
type applied struct {
	Transitions []transition  `json:"transitions,omitempty"`
	Forwards    []alarm.Event `json:"forwards,omitempty"`
}

type transition struct {
	Alarm  alarm.Alarm   `json:"alarm"`
	Active bool          `json:"active,omitempty"`
	Left   time.Duration `json:"left,omitempty"` // of the lease; 0 means that it does not end
	Held   bool          `json:"held,omitempty"`
}

// refusals are alarms that their owner does not accept.
type refusals struct {
	Refused []string `json:"refused"`
	Limit   string   `json:"limit,omitempty"`
	Busy    bool     `json:"busy,omitempty"`
}

// Apply returns once the owners have committed the transitions: those of a target where it is polled, those without one by the
// owner of the shard global. An end that names no target is sent to all, for whoever has the condition. If an owner does not answer, or
// there is none, the others have committed theirs: whoever applies all once more changes nothing twice.
func (a *Alarms) Apply(transitions []outbox.Transition, now time.Time) error {
	of := map[peer.Member][]outbox.Transition{}
	var err error
	for _, t := range transitions {
		if !t.Active && t.Alarm.Target == "" && t.Alarm.Rule == "" {
			for _, p := range append(a.union.members.Peers(), a.self()) {
				of[p] = append(of[p], t)
			}
			continue
		}
		owner := a.union.members.Holder(t.Alarm.Target)
		switch owner.Name {
		case "":
			err = noOwner(t.Alarm.Target)
		case a.union.members.Name():
			owner = a.self()
			fallthrough
		default:
			of[owner] = append(of[owner], t)
		}
	}
	return errors.Join(err, a.each(of, now))
}

func (a *Alarms) self() peer.Member { return peer.Member{Name: a.union.members.Name()} }

func noOwner(target string) error {
	if target == "" {
		return api.Errorf(api.ErrUnavailable, "no member of the cluster has the alarms without a target at the moment")
	}
	return api.Errorf(api.ErrUnavailable, "no member of the cluster has the alarms of %.100q at the moment", target)
}

// each has the owners commit at once. If only alarms are refused, the error is one *outbox.FullError.
func (a *Alarms) each(of map[peer.Member][]outbox.Transition, now time.Time) error {
	var group sync.WaitGroup
	var mu sync.Mutex
	var full *outbox.FullError
	var errs []error
	for owner, list := range of {
		group.Go(func() {
			var err error
			if owner == a.self() {
				err = a.own.Apply(list, now)
			} else {
				err = a.send(owner, list, now)
			}
			mu.Lock()
			defer mu.Unlock()
			one := (*outbox.FullError)(nil)
			switch {
			case errors.As(err, &one) && full == nil:
				full = one
			case one != nil:
				full = &outbox.FullError{Refused: slices.Concat(full.Refused, one.Refused), Limit: full.Limit, Busy: full.Busy || one.Busy}
			case err != nil:
				errs = append(errs, err)
			}
		})
	}
	group.Wait()
	if len(errs) == 0 && full != nil {
		return full
	}
	return errors.Join(errs...)
}

// send has another member commit, in requests of a bounded size.
func (a *Alarms) send(owner peer.Member, list []outbox.Transition, now time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), applyWait)
	defer cancel()
	var full *outbox.FullError
	for part := range slices.Chunk(list, maxApplied) {
		body := applied{}
		for _, t := range part {
			one := transition{Alarm: t.Alarm, Active: t.Active, Held: t.Held}
			if !t.Lease.IsZero() {
				one.Left = max(t.Lease.Sub(now), 1)
			}
			body.Transitions = append(body.Transitions, one)
		}
		var answer refusals
		if err := a.union.ask(ctx, post(owner, transitionsPath, &body), &answer); err != nil {
			return err
		}
		if len(answer.Refused) > 0 {
			if full == nil {
				full = &outbox.FullError{}
			}
			full.Refused, full.Limit, full.Busy = append(full.Refused, answer.Refused...), answer.Limit, full.Busy || answer.Busy
		}
	}
	if full != nil {
		return full
	}
	return nil
}

// Forward queues notifications that are passed on to receivers, each at the owner of its target.
func (a *Alarms) Forward(list []alarm.Event, now time.Time) error {
	of := map[peer.Member][]alarm.Event{}
	var errs []error
	for i := range list {
		owner := a.union.members.Holder(list[i].Alarm.Target)
		switch owner.Name {
		case "":
			errs = append(errs, noOwner(list[i].Alarm.Target))
			continue
		case a.union.members.Name():
			owner = a.self()
		}
		of[owner] = append(of[owner], list[i])
	}
	ctx, cancel := context.WithTimeout(context.Background(), applyWait)
	defer cancel()
	for owner, events := range of {
		if owner == a.self() {
			errs = append(errs, a.own.Forward(events, now))
			continue
		}
		for part := range slices.Chunk(events, maxApplied) {
			errs = append(errs, a.union.ask(ctx, post(owner, forwardsPath, &applied{Forwards: part}), nil))
		}
	}
	return errors.Join(errs...)
}

// Register adds the paths for other members.
func (a *Alarms) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST "+transitionsPath, answered(func(r *http.Request) (refusals, error) {
		in, err := readApplied(r)
		if err != nil {
			return refusals{}, err
		}
		now := time.Now()
		list := make([]outbox.Transition, len(in.Transitions))
		for i, t := range in.Transitions {
			list[i] = outbox.Transition{Alarm: t.Alarm, Active: t.Active, Held: t.Held}
			if t.Left != 0 {
				list[i].Lease = now.Add(t.Left)
			}
		}
		err = a.own.Apply(list, now)
		full := (*outbox.FullError)(nil)
		if errors.As(err, &full) {
			return refusals{full.Refused, full.Limit, full.Busy}, nil
		}
		return refusals{Refused: []string{}}, unavailable(err)
	}))
	mux.HandleFunc("POST "+forwardsPath, answered(func(r *http.Request) (struct{}, error) {
		in, err := readApplied(r)
		if err == nil {
			err = unavailable(a.own.Forward(in.Forwards, time.Now()))
		}
		return struct{}{}, err
	}))
}

// unavailable is an error after which whoever asked tries again.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return api.Errorf(api.ErrUnavailable, "%s", strings.TrimSpace(fmt.Sprint(err)))
}

func readApplied(r *http.Request) (in applied, err error) {
	if err = json.NewDecoder(io.LimitReader(r.Body, maxPart)).Decode(&in); err != nil {
		err = api.Errorf(api.ErrBadRequest, "the body: %v", err)
	}
	return in, err
}
