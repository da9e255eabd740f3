package web

import (
	"net/http"
	"slices"
	"strings"

	"trapline/internal/api"
)

// mibsData is a search in the MIBs, or one object.
type mibsData struct {
	Text   string
	Found  api.ObjectList
	Object *api.Object
	Enum   []enumValue
}

// enumValue is a name of a value.
type enumValue struct {
	Name  string
	Value int64
}

// pageMIBs is how many MIBs are listed where nothing is searched for: those that are built in, and about as many more.
const pageMIBs = 250

func (s *Site) mibs(w http.ResponseWriter, r *http.Request) error {
	d := &mibsData{Text: r.URL.Query().Get("q")}
	limit := pageRows
	if strings.TrimSpace(d.Text) == "" {
		d.Text, limit = "", pageMIBs
	}
	var err error
	if d.Found, err = s.source.Catalog.Objects(api.ObjectQuery{Text: d.Text, Limit: limit}); err != nil {
		return err
	}
	return s.show(w, r, "mibs", s.view(r, "m", "MIBs", d))
}

func (s *Site) object(w http.ResponseWriter, r *http.Request) error {
	o, err := s.source.Catalog.Object(r.PathValue("name"))
	if err != nil {
		return err
	}
	d := &mibsData{Object: &o}
	for name, value := range o.Enum {
		d.Enum = append(d.Enum, enumValue{name, value})
	}
	slices.SortFunc(d.Enum, func(a, b enumValue) int { return int(a.Value - b.Value) })
	return s.show(w, r, "mibs", s.view(r, "m", o.Name, d))
}

// modulesData is the list of modules, or one.
type modulesData struct {
	Text   string
	List   []api.Module
	Module *api.Module
}

func (s *Site) modules(w http.ResponseWriter, r *http.Request) error {
	d := &modulesData{Text: r.URL.Query().Get("q")}
	list, err := s.source.Catalog.Modules()
	if err != nil {
		return err
	}
	for _, m := range list {
		if strings.Contains(strings.ToLower(m.Name+" "+m.Text), strings.ToLower(d.Text)) {
			d.List = append(d.List, m)
		}
	}
	return s.show(w, r, "modules", s.view(r, "d", "Modules", d))
}

func (s *Site) module(w http.ResponseWriter, r *http.Request) error {
	m, err := s.source.Catalog.Module(r.PathValue("name"))
	if err != nil {
		return err
	}
	return s.show(w, r, "modules", s.view(r, "d", m.Name+" · Modules", &modulesData{Module: &m}))
}
