package union

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/outbox"
	"trapline/internal/outbox/standing"
)

// waiting is a receiver in the answer of /api/v1/outbox.
type waiting struct {
	standing.Waiting
	Missing []string `json:"missing,omitempty"` // of other members
}

// maxListed is how many events of a receiver, that wait or were given up, a member lists for another one.
const maxListed = 10_000

// outboxPath is the path by which members ask for events that wait.
const outboxPath = "/outbox"

// ServeOutbox adds the paths of the outbox, for all members.
func (c *Console) ServeOutbox(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/outbox", func(w http.ResponseWriter, _ *http.Request) {
		list, err := c.waiting()
		if err != nil {
			http.Error(w, err.Error(), api.HTTPStatus(err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(list) // the client has gone
	})
	for action, act := range map[string]func(string) error{"retry": c.Retry, "drop": c.Drop} {
		mux.HandleFunc("POST /api/v1/outbox/{receiver}/"+action, func(w http.ResponseWriter, r *http.Request) {
			if err := act(r.PathValue("receiver")); errors.Is(err, api.ErrNotFound) {
				http.Error(w, err.Error(), http.StatusNotFound)
			} else if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
			}
		})
	}
}

// waiting returns the events that wait for receivers on all members, and that were given up, the oldest first.
func (c *Console) waiting() ([]waiting, error) {
	own, err := c.own.Waiting()
	if err != nil {
		return nil, err
	}
	all := make([]waiting, len(own))
	for i := range own {
		all[i].Waiting = own[i]
	}
	parts := gatherWithin[[]waiting](c.union, searchWait, list(outboxPath))
	for i := range all {
		for _, p := range parts {
			if p.err != nil {
				all[i].Missing = append(all[i].Missing, p.err.Error())
				continue
			}
			for j := range p.data {
				if p.data[j].Receiver == all[i].Receiver {
					all[i].add(&p.data[j])
				}
			}
		}
		slices.SortStableFunc(all[i].Events, func(a, b alarm.Event) int { return byAge(&a, &b) })
		slices.SortStableFunc(all[i].Dead, func(a, b outbox.DeadLetter) int { return byAge(&a.Event, &b.Event) })
	}
	return all, nil
}

// byAge compares events. Those of an alarm at one moment are equal, and stay in their order.
func byAge(a, b *alarm.Event) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Alarm.ID, b.Alarm.ID))
}

// add adds what another member has of the same receiver.
func (w *waiting) add(part *waiting) {
	w.Failing = w.Failing || part.Failing
	w.RetryAt = earlier(w.RetryAt, part.RetryAt)
	w.Events, w.Dead = append(w.Events, part.Events...), append(w.Dead, part.Dead...)
	w.Missing = append(w.Missing, part.Missing...)
}

// bounded returns the events of this member for another one.
func (c *Console) bounded() ([]waiting, error) {
	own, err := c.own.Waiting()
	list := make([]waiting, len(own))
	for i, w := range own {
		missing := max(0, len(w.Events)-maxListed) + max(0, len(w.Dead)-maxListed)
		w.Events, w.Dead = w.Events[:min(len(w.Events), maxListed)], w.Dead[:min(len(w.Dead), maxListed)]
		if list[i].Waiting = w; missing > 0 {
			list[i].Missing = []string{fmt.Sprintf("%d more events of member %s", missing, c.union.members.Name())}
		}
	}
	return list, err
}
