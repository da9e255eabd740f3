package web

import (
	"errors"
	"net/http"

	"trapline/internal/api"
)

// poll has a target polled and shows it again.
func (s *Site) poll(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if err := s.source.Poll(r.Context(), name); err != nil {
		return err
	}
	return s.done(w, r, "poll", "targets", name)
}

// done leads to the page that shows what an action has changed.
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
	t, err := s.source.Target(r.PathValue("name"))
	if err != nil {
		return err
	}
	return s.show(w, r, "walk", s.view(r, "t", "Walk · "+t.Name, &walkData{Target: t.Name, What: r.FormValue("what")}))
}

func (s *Site) walk(w http.ResponseWriter, r *http.Request) error {
	d := &walkData{Target: r.PathValue("name"), What: r.FormValue("what"), Walked: true}
	err := s.source.Walk(r.Context(), d.Target, d.What, api.MaxWalk, func(row api.WalkRow) error {
		d.Rows = append(d.Rows, row)
		return nil
	})
	if errors.Is(err, api.ErrNotFound) {
		return err
	}
	d.Full = len(d.Rows) == api.MaxWalk
	v := s.view(r, "t", "Walk · "+d.Target, d)
	status := http.StatusOK
	if err != nil {
		v.Failed, v.Hint = reason(err)
		if len(d.Rows) == 0 {
			status = api.HTTPStatus(err)
		}
	}
	return s.answer(w, r, status, "walk", v)
}

// walkOf leads from an object to its walk on a target.
func (s *Site) walkOf(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	http.Redirect(w, r, s.path("targets", q.Get("target"), "walk")+query("what", q.Get("what")), http.StatusSeeOther)
	return nil
}
