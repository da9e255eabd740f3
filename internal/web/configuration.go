package web

import (
	"errors"
	"net/http"
	"strings"

	"trapline/internal/api"
)

// configurationData is the running configuration, and the errors of a check or a reload.
type configurationData struct {
	View, Target string
	Files        []file
	Check        *api.ConfigCheck
	Config       api.ConfigStatus
	Lists        []api.List
}

// file is a text with numbered lines.
type file struct {
	Name  string
	Lines []string
}

func (s *Site) configuration(w http.ResponseWriter, r *http.Request) error {
	v, _, err := s.configurationView(r)
	if err != nil {
		return err
	}
	switch r.URL.Query().Get("done") {
	case "reload":
		v.Notice = "The configuration was read again."
	case "accept":
		v.Notice = "The list was accepted as it is."
	}
	return s.show(w, r, "configuration", v)
}

func (s *Site) configurationView(r *http.Request) (*view, *configurationData, error) {
	d := &configurationData{View: r.URL.Query().Get("view"), Target: r.URL.Query().Get("target")}
	if d.View != api.ViewTarget || d.Target != "" {
		c, err := s.source.Process.Config(api.ConfigQuery{View: d.View, Target: d.Target})
		if err != nil {
			return nil, nil, err
		}
		d.Config = c.Status
		for _, f := range c.Files {
			d.Files = append(d.Files, file{f.Name, lines(f.Text)})
		}
		if c.Text != "" {
			d.Files = append(d.Files, file{Lines: lines(c.Text)})
		}
	}
	if s.source.Lists != nil {
		d.Lists = s.source.Lists.Lists()
	}
	v := s.view(r, "c", "Configuration", d)
	d.Config = v.Status.Config
	return v, d, nil
}

func lines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }

// acceptList accepts a list of targets as it is.
func (s *Site) acceptList(w http.ResponseWriter, r *http.Request) error {
	if s.source.Lists == nil {
		return api.ErrNotFound
	}
	if err := s.source.Lists.AcceptList(r.PathValue("name")); err != nil {
		return err
	}
	return s.done(w, r, "accept", "configuration")
}

// check reads the files as a reload does, and changes nothing.
func (s *Site) check(w http.ResponseWriter, r *http.Request) error {
	found, err := s.source.Process.CheckConfig("")
	if err != nil {
		return err
	}
	v, d, err := s.configurationView(r)
	if err != nil {
		return err
	}
	d.Check = &found
	return s.show(w, r, "configuration", v)
}

func (s *Site) reload(w http.ResponseWriter, r *http.Request) error {
	_, err := s.source.Process.Reload()
	if errors.Is(err, api.ErrRefused) {
		v, _, failure := s.configurationView(r)
		if failure != nil {
			return failure
		}
		return s.answer(w, r, api.HTTPStatus(err), "configuration", v)
	}
	if err != nil {
		return err
	}
	return s.done(w, r, "reload", "configuration")
}

// numbered is a line of a file with its number.
type numbered struct {
	Number int
	Text   string
	Hit    bool
}

// around returns the lines around an error.
func around(e api.ConfigError) []numbered {
	list := make([]numbered, len(e.Context))
	for i, text := range e.Context {
		list[i] = numbered{e.First + i, text, e.First+i == e.Line}
	}
	return list
}
