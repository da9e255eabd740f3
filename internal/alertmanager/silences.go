package alertmanager

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"trapline/internal/mute"
	"trapline/internal/outbox"
)

// maxBody is the maximum size of a request in octets.
const maxBody = 4 * mute.MaxSilenceSize

// silence is a silence as the API has it.
type silence struct {
	ID          string            `json:"id"`
	Status      silenceStatus     `json:"status"`
	UpdatedAt   time.Time         `json:"updatedAt"`
	Comment     string            `json:"comment"`
	CreatedBy   string            `json:"createdBy"`
	EndsAt      time.Time         `json:"endsAt"`
	Matchers    mute.Matchers     `json:"matchers"`
	StartsAt    time.Time         `json:"startsAt"`
	Annotations map[string]string `json:"annotations"`
}

type silenceStatus struct {
	State mute.State `json:"state"`
}

func silenceOf(s *mute.Silence, now time.Time) silence {
	annotations := s.Annotations
	if annotations == nil {
		annotations = map[string]string{}
	}
	return silence{
		ID: s.ID, Status: silenceStatus{s.StateAt(now)}, UpdatedAt: s.UpdatedAt, Comment: s.Comment, CreatedBy: s.CreatedBy,
		EndsAt: s.EndsAt, Matchers: s.Matchers, StartsAt: s.StartsAt, Annotations: annotations,
	}
}

// silences answers with the silences: the active ones first, then the pending and the expired ones.
func (a *API) silences(o *outbox.Outbox, w http.ResponseWriter, r *http.Request) {
	wanted, err := flags(r, string(mute.Active), string(mute.Pending), string(mute.Expired))
	if err != nil {
		refuse(w, err)
		return
	}
	filter, err := mute.ParseAll(r.URL.Query()["filter"])
	if err != nil {
		refuse(w, err)
		return
	}
	list, now := []silence{}, time.Now()
	for _, s := range o.Mutes().Silences() {
		if wanted[string(s.StateAt(now))] && s.Selected(filter) {
			list = append(list, silenceOf(s, now))
		}
	}
	slices.SortStableFunc(list, func(x, y silence) int {
		order := []mute.State{mute.Active, mute.Pending, mute.Expired}
		byState := cmp.Compare(slices.Index(order, x.Status.State), slices.Index(order, y.Status.State))
		switch {
		case byState != 0:
			return byState
		case x.Status.State == mute.Active:
			return x.EndsAt.Compare(y.EndsAt)
		case x.Status.State == mute.Pending:
			return x.StartsAt.Compare(y.StartsAt)
		}
		return y.EndsAt.Compare(x.EndsAt)
	})
	answer(w, list)
}

func (a *API) silence(o *outbox.Outbox, w http.ResponseWriter, r *http.Request) {
	s := o.Mutes().Silence(r.PathValue("id"))
	if s == nil {
		http.NotFound(w, r)
		return
	}
	answer(w, silenceOf(s, time.Now()))
}

// post creates or changes a silence.
func (a *API) post(o *outbox.Outbox, w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	var in silence
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, fmt.Errorf("the body: %w", err))
		return
	}
	if slices.Contains(in.Matchers, nil) {
		refuse(w, errors.New("matchers: an element is null"))
		return
	}
	if user, _, ok := r.BasicAuth(); ok && user != "" {
		in.CreatedBy = user
	}
	id, err := o.Silence(mute.Silence{
		ID: in.ID, Matchers: in.Matchers, StartsAt: in.StartsAt, EndsAt: in.EndsAt, CreatedBy: in.CreatedBy, Comment: in.Comment, Annotations: in.Annotations,
	}, time.Now())
	if err != nil {
		a.fail(w, err)
		return
	}
	answer(w, map[string]string{"silenceID": id})
}

func (a *API) expire(o *outbox.Outbox, w http.ResponseWriter, r *http.Request) {
	if err := o.Expire(r.PathValue("id"), time.Now()); err != nil {
		a.fail(w, err)
	}
}
