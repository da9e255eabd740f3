package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"trapline/internal/api"
	"trapline/internal/human"
)

// poll has a target polled and shows it again.
func (s *Site) poll(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if err := s.source.Fleet.Poll(r.Context(), name); err != nil {
		return err
	}
	return s.done(w, r, "poll", "targets", name)
}

const (
	askAbove      = 10               // targets that are polled at once without a question
	maxPollNow    = 1000             // at most
	pollsTogether = 32               // that are waited for at once
	pollPatience  = 10 * time.Second // until the page is shown, whatever polls have not ended
)

// pollAll has the targets of a query polled; of more than a few it asks first.
func (s *Site) pollAll(w http.ResponseWriter, r *http.Request) error {
	d := &targetsData{Text: r.FormValue("q"), State: r.FormValue("state")}
	list, err := s.source.Fleet.Targets(api.TargetQuery{Text: d.query(), Limit: maxPollNow})
	switch {
	case err != nil:
		return err
	case list.Matched > maxPollNow:
		return api.WithHint(fmt.Errorf("%w: %s match, and at most %s are polled by one request", api.ErrBadRequest, human.Counted(list.Matched, "target"), count(maxPollNow)), "Search for fewer.")
	case list.Matched > askAbove && r.FormValue("confirm") == "":
		d.TargetList = list
		return s.show(w, r, "confirm", s.view(r, "t", "Poll", d))
	}
	ctx, cancel := context.WithTimeout(r.Context(), pollPatience)
	defer cancel()
	group := errgroup.Group{}
	group.SetLimit(pollsTogether)
	for _, t := range list.Targets {
		group.Go(func() error {
			_ = s.source.Fleet.Poll(ctx, t.Name) // the list has the outcome
			return nil
		})
	}
	_ = group.Wait() // no error is returned
	http.Redirect(w, r, s.path("targets")+query("q", d.Text, "state", d.State, "done", "poll"), http.StatusSeeOther)
	return nil
}

// done redirects to the page that shows the effect of an action.
func (s *Site) done(w http.ResponseWriter, r *http.Request, what string, segments ...string) error {
	http.Redirect(w, r, s.path(segments...)+query("done", what), http.StatusSeeOther)
	return nil
}

// walkData is a walk.
type walkData struct {
	Target, What string
	Rows         []api.WalkRow
	Walked, Full bool
}

func (s *Site) walkForm(w http.ResponseWriter, r *http.Request) error {
	t, err := s.source.Fleet.Target(r.PathValue("name"))
	if err != nil {
		return err
	}
	return s.show(w, r, "walk", s.view(r, "t", "Walk · "+t.Name, &walkData{Target: t.Name, What: r.FormValue("what")}))
}

func (s *Site) walk(w http.ResponseWriter, r *http.Request) error {
	d := &walkData{Target: r.PathValue("name"), What: r.FormValue("what"), Walked: true}
	size := 0
	err := s.source.Fleet.Walk(r.Context(), d.Target, d.What, api.MaxWalk, func(row api.WalkRow) error {
		d.Rows = append(d.Rows, row)
		if size += len(row.Name) + len(row.Value); size > maxWalkText {
			return errFull
		}
		return nil
	})
	if errors.Is(err, api.ErrNotFound) {
		return err
	}
	if d.Full = len(d.Rows) == api.MaxWalk || errors.Is(err, errFull); d.Full {
		err = nil
	}
	v := s.view(r, "t", "Walk · "+d.Target, d)
	status := http.StatusOK
	if err != nil {
		v.Failed, v.Hint = explained(err)
		if len(d.Rows) == 0 {
			status = api.HTTPStatus(err)
		}
	}
	return s.answer(w, r, status, "walk", v)
}

// maxWalkText is how many octets of names and values a page of a walk has: a value may have 64 KiB.
const maxWalkText = 4 << 20

var errFull = errors.New("the page is full")

// walkOf leads from an object to its walk on a target.
func (s *Site) walkOf(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	http.Redirect(w, r, s.path("targets", q.Get("target"), "walk")+query("what", q.Get("what")), http.StatusSeeOther)
	return nil
}
