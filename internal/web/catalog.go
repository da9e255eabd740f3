package web

import (
	"net/http"
	"slices"
	"strconv"
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
	Text    string
	List    []api.Module
	Matched int // of which List has a page
	From    int // the first of them
	Module  *api.Module
	base    string // path of the page
}

func (s *Site) modules(w http.ResponseWriter, r *http.Request) error {
	d := &modulesData{Text: r.URL.Query().Get("q"), base: s.path("modules")}
	d.From, _ = strconv.Atoi(r.URL.Query().Get("from"))
	d.From = max(0, d.From)
	var err error
	if d.List, d.Matched, err = s.source.Catalog.Modules(api.ModuleQuery{Text: d.Text, Limit: pageRows, Offset: d.From}); err != nil {
		return err
	}
	return s.show(w, r, "modules", s.view(r, "d", "Modules", d))
}

// Page is the page with the modules from one on.
func (d *modulesData) Page(from int) string { return d.base + query("q", d.Text, "from", start(from)) }

// Last is how many modules lie before the end of those shown.
func (d *modulesData) Last() int { return d.From + len(d.List) }

// Previous is the module that the page before this one begins with.
func (d *modulesData) Previous() int { return max(0, d.From-pageRows) }

func (s *Site) module(w http.ResponseWriter, r *http.Request) error {
	m, err := s.source.Catalog.Module(r.PathValue("name"))
	if err != nil {
		return err
	}
	return s.show(w, r, "modules", s.view(r, "d", m.Name+" · Modules", &modulesData{Module: &m}))
}
