package alertmanager

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

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

// posted is a silence as clients send it. Its expressions are not compiled before they are checked.
type posted struct {
	ID          string            `json:"id"`
	Matchers    []*matcher        `json:"matchers"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	CreatedBy   string            `json:"createdBy"`
	Comment     string            `json:"comment"`
	Annotations map[string]string `json:"annotations"`
}

type matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual *bool  `json:"isEqual"` // default true
}

// silence returns the silence.
func (p *posted) silence() (s mute.Silence, err error) {
	s = mute.Silence{ID: p.ID, StartsAt: p.StartsAt, EndsAt: p.EndsAt, CreatedBy: p.CreatedBy, Comment: p.Comment, Annotations: p.Annotations}
	for _, m := range p.Matchers {
		if m == nil {
			return s, errors.New("matchers: an element is null")
		}
		kinds := [2]labels.MatchType{labels.MatchEqual, labels.MatchRegexp}
		if m.IsEqual != nil && !*m.IsEqual {
			kinds = [2]labels.MatchType{labels.MatchNotEqual, labels.MatchNotRegexp}
		}
		kind := kinds[0]
		if m.IsRegex {
			kind = kinds[1]
		}
		one, err := mute.NewMatcher(kind, m.Name, m.Value)
		if err != nil {
			return s, fmt.Errorf("matchers: %w", err)
		}
		s.Matchers = append(s.Matchers, one)
	}
	return s, nil
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
	filter, err := filterOf(r)
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
	answerList(w, list)
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
	var in posted
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, fmt.Errorf("the body: %w", err))
		return
	}
	if user, _, ok := r.BasicAuth(); ok && user != "" {
		in.CreatedBy = user
	}
	one, err := in.silence()
	if err != nil {
		refuse(w, err)
		return
	}
	id, err := o.Silence(one, time.Now())
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
