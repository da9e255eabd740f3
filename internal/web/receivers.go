package web

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"trapline/internal/api"
)

// receiversData is the list of receivers, with the queue of those that fail.
type receiversData struct {
	List    []api.Receiver
	Details []api.Receiver // with queues: the failing ones, or the chosen one
}

func (s *Site) receivers(w http.ResponseWriter, r *http.Request) error {
	v, err := s.receiversView(r, r.PathValue("name"))
	if err != nil {
		return err
	}
	switch r.URL.Query().Get("done") {
	case "retry":
		v.Notice = "What waits is being sent."
	case "drop":
		v.Notice = "The queue was dropped."
	}
	return s.show(w, r, "receivers", v)
}

// receiversView gathers the receivers, and of the chosen one or of those that fail the queue.
func (s *Site) receiversView(r *http.Request, chosen string) (*view, error) {
	list, err := s.source.Console.Receivers()
	if err != nil {
		return nil, err
	}
	d := &receiversData{List: list}
	title := "Receivers"
	if chosen != "" {
		title = chosen + " · Receivers"
		one, err := s.source.Console.Receiver(chosen)
		if err != nil {
			return nil, err
		}
		d.Details = append(d.Details, one)
	} else {
		for _, one := range list {
			if one.Problem == nil && one.GivenUp == 0 {
				continue
			}
			if one, err = s.source.Console.Receiver(one.Name); err == nil { // otherwise it was removed meanwhile
				d.Details = append(d.Details, one)
			}
		}
	}
	v := s.view(r, "n", title, d)
	if v.URL = s.path("receivers"); chosen != "" {
		v.URL = s.path("receivers", chosen) // also after a form has been sent
	}
	return v, nil
}

func (s *Site) retry(w http.ResponseWriter, r *http.Request) error {
	if err := s.source.Console.Retry(r.PathValue("name")); err != nil {
		return err
	}
	return s.done(w, r, "retry", "receivers", r.PathValue("name"))
}

// drop deletes the queue of a receiver, whose name must be typed.
func (s *Site) drop(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if r.FormValue("name") != name {
		v, err := s.receiversView(r, name)
		if err != nil {
			return err
		}
		v.Failed, v.Hint = "Nothing was dropped: the name that was typed is not "+name, "Type "+name+" to drop its queue."
		return s.answer(w, r, http.StatusBadRequest, "receivers", v)
	}
	if err := s.source.Console.Drop(name); err != nil {
		return err
	}
	return s.done(w, r, "drop", "receivers", name)
}

// test sends a test to a receiver and shows the outcome.
func (s *Site) test(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	result, err := s.source.Console.TestReceiver(r.Context(), name)
	if err != nil {
		return err
	}
	v, err := s.receiversView(r, name)
	if err != nil {
		return err
	}
	text := "Test of " + name + ": " + result.Text
	if result.Problem == nil {
		v.Notice = text
	} else {
		v.Failed, v.Hint = text, result.Problem.Remedy
	}
	return s.show(w, r, "receivers", v)
}

// minutes draws the acknowledged and the failed notifications of a receiver, by minute.
func minutes(points []api.DayPoint) template.HTML {
	most, acknowledged, failed := 0, 0, 0
	for _, p := range points {
		most = max(most, p.Acknowledged+p.Failed)
		acknowledged, failed = acknowledged+p.Acknowledged, failed+p.Failed
	}
	if most == 0 {
		return none
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="spark" width="120" height="20" viewBox="0 0 %d 20" preserveAspectRatio="none" role="img" aria-label="%d acknowledged, %d failed">`, 4*len(points), acknowledged, failed)
	for i, p := range points {
		good, bad := tall(p.Acknowledged, most, 20), tall(p.Failed, most, 20)
		if good > 0 {
			fmt.Fprintf(&b, `<path class="g" d="M%d %dh3v%dh-3z"/>`, 4*i, 20-good, good)
		}
		if bad > 0 {
			fmt.Fprintf(&b, `<path class="x" d="M%d %dh3v%dh-3z"/>`, 4*i, 20-good-bad, bad)
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // of digits and constants
}
