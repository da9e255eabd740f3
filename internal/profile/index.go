package profile

import (
	"encoding/json"
	"sync"

	"trapline/collector"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Index is what is known of profiles without reading their files.
type Index struct {
	Profiles map[string]*Settings
	Modules  map[string]IndexedModule
	Outputs  map[string][]Outputs // of modules; stored by themselves
}

// IndexedModule is a module in a file, and the objects that it reads, without lookups of labels.
type IndexedModule struct {
	File        string
	walks, gets []snmp.OID
}

// indexed is the form in which an Index is stored.
type indexed struct {
	Profiles map[string]indexedProfile `json:"profiles"`
	Modules  map[string]indexedModule  `json:"modules"`
}

type indexedProfile struct {
	SysObjectIDs []string `json:"sys_object_ids,omitempty"`
	SysDescr     string   `json:"sys_descr,omitempty"`
	Probe        []string `json:"probe,omitempty"`
	Extends      []string `json:"extends,omitempty"`
	Modules      []string `json:"modules,omitempty"`
	Exclusive    []string `json:"exclusive,omitempty"`
	Without      []string `json:"without,omitempty"`
}

type indexedModule struct {
	File string   `json:"file"`
	Walk []string `json:"walk,omitempty"`
	Get  []string `json:"get,omitempty"`
}

// NewIndex returns an index of profiles, without modules.
func NewIndex(profiles map[string]*Settings) *Index {
	return &Index{profiles, map[string]IndexedModule{}, map[string][]Outputs{}}
}

// Add adds a module in a file.
func (x *Index) Add(name, file string, s *collector.Settings) {
	x.Modules[name] = IndexedModule{file, made(s, s.Walk), made(s, s.Get)}
	x.Outputs[name] = outputsOf(name, s)
}

// Module returns a module whose settings are loaded once, when they are first wanted. Outputs returns those of all
// modules.
func (x *Index) Module(name string, load func() (*collector.Settings, error), outputs func() (map[string][]Outputs, error)) *Module {
	m := x.Modules[name]
	own := func() ([]Outputs, error) {
		all, err := outputs()
		return all[name], err
	}
	return &Module{Name: name, settings: sync.OnceValues(load), outputs: own, walks: m.walks, gets: m.gets}
}

// Encode returns the stored form.
func (x *Index) Encode() ([]byte, error) {
	stored := indexed{map[string]indexedProfile{}, map[string]indexedModule{}}
	for name, s := range x.Profiles {
		if s == nil {
			continue
		}
		stored.Profiles[name] = indexedProfile{numbers(s.SysObjectIDs), s.SysDescr.Text(), numbers(s.Probe), s.Extends, s.Modules, s.Exclusive, s.Without}
	}
	for name, m := range x.Modules {
		stored.Modules[name] = indexedModule{m.File, texts(m.walks), texts(m.gets)}
	}
	return json.Marshal(stored)
}

// DecodeIndex reads the stored form.
func DecodeIndex(text []byte) (*Index, error) {
	var stored indexed
	if err := json.Unmarshal(text, &stored); err != nil {
		return nil, err
	}
	x := NewIndex(map[string]*Settings{})
	for name, p := range stored.Profiles {
		s := &Settings{Extends: p.Extends, Modules: p.Modules, Exclusive: p.Exclusive, Without: p.Without}
		for _, o := range p.SysObjectIDs {
			s.SysObjectIDs = append(s.SysObjectIDs, setting.ParseOID(o))
		}
		for _, o := range p.Probe {
			s.Probe = append(s.Probe, setting.ParseOID(o))
		}
		if p.SysDescr != "" {
			s.SysDescr = setting.LaterRegexp(p.SysDescr)
		}
		x.Profiles[name] = s
	}
	for name, m := range stored.Modules {
		walks, err := parsed(m.Walk)
		if err != nil {
			return nil, err
		}
		gets, err := parsed(m.Get)
		if err != nil {
			return nil, err
		}
		x.Modules[name] = IndexedModule{m.File, walks, gets}
	}
	return x, nil
}

func parsed(texts []string) (list []snmp.OID, err error) {
	for _, text := range texts {
		oid, err := snmp.ParseOID(text)
		if err != nil {
			return nil, err
		}
		list = append(list, oid)
	}
	return list, nil
}

func numbers(oids []setting.OID) (list []string) {
	for _, o := range oids {
		list = append(list, o.OID.String())
	}
	return list
}

func texts(oids []snmp.OID) (list []string) {
	for _, o := range oids {
		list = append(list, o.String())
	}
	return list
}
