package profile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"trapline/collector"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Index is the knowledge about profiles without reading their files.
type Index struct {
	Profiles map[string]*Settings
	Modules  map[string]IndexedModule
	Outputs  map[string][]Outputs // of modules; stored by themselves
}

// IndexedModule is a module in a file, and the objects that it reads, without lookups of labels.
type IndexedModule struct {
	File  string
	roots func() roots
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

// NewIndex returns an index of profiles, without modules.
func NewIndex(profiles map[string]*Settings) *Index {
	return &Index{profiles, map[string]IndexedModule{}, map[string][]Outputs{}}
}

// Add adds a module in a file.
func (x *Index) Add(name, file string, s *collector.Settings) {
	x.Modules[name] = IndexedModule{file, rootsOf(s)}
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
	return &Module{Name: name, settings: sync.OnceValues(load), outputs: own, roots: m.roots}
}

// Encode returns the stored forms: of the profiles, in JSON, and of the modules, a line with name, file, walks and gets
// for each. An OID is how many of its first numbers are those of the OID before it in the list, and its other numbers.
func (x *Index) Encode() (profiles, modules []byte, err error) {
	stored := map[string]indexedProfile{}
	for name, s := range x.Profiles {
		if s != nil {
			stored[name] = indexedProfile{numbers(s.SysObjectIDs), s.SysDescr.Text(), numbers(s.Probe), s.Extends, s.Modules, s.Exclusive, s.Without}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.Modules)) {
		m := x.Modules[name]
		r := m.roots()
		modules = append(modules, strings.Join([]string{name, m.File, encodeOIDs(r.walks), encodeOIDs(r.gets)}, "\t")+"\n"...)
	}
	profiles, err = json.Marshal(stored)
	return profiles, modules, err
}

// DecodeIndex reads the stored forms. The objects of a module are read when they are wanted; of one that cannot be read
// there are none.
func DecodeIndex(profiles, modules []byte) (*Index, error) {
	var stored map[string]indexedProfile
	if err := json.Unmarshal(profiles, &stored); err != nil {
		return nil, err
	}
	x := NewIndex(map[string]*Settings{})
	for name, p := range stored {
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
	for line := range strings.Lines(string(modules)) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		file, rest, _ := strings.Cut(rest, "\t")
		walks, gets, ok := strings.Cut(rest, "\t")
		if !ok {
			return nil, fmt.Errorf("a line of the modules has less than four fields: %q", line)
		}
		x.Modules[name] = IndexedModule{file, sync.OnceValue(func() roots { return roots{decodeOIDs(walks), decodeOIDs(gets)} })}
	}
	return x, nil
}

// encodeOIDs writes a list of OIDs.
func encodeOIDs(oids []snmp.OID) string {
	var words, before []string
	for _, oid := range oids {
		arcs := strings.Split(oid.String(), ".")
		same := 0
		for same < min(len(arcs), len(before)) && arcs[same] == before[same] {
			same++
		}
		words = append(words, strings.Join(append([]string{strconv.Itoa(same)}, arcs[same:]...), "."))
		before = arcs
	}
	return strings.Join(words, " ")
}

// decodeOIDs reads a list of OIDs. It returns nil if it is damaged.
func decodeOIDs(list string) (oids []snmp.OID) {
	var before []string
	for word := range strings.FieldsSeq(list) {
		arcs := strings.Split(word, ".")
		same, err := strconv.Atoi(arcs[0])
		if err != nil || same < 0 || same > len(before) {
			return nil
		}
		before = append(before[:same:same], arcs[1:]...)
		oid, err := snmp.ParseOID(strings.Join(before, "."))
		if err != nil {
			return nil
		}
		oids = append(oids, oid)
	}
	return oids
}

func numbers(oids []setting.OID) (list []string) {
	for _, o := range oids {
		list = append(list, o.OID.String())
	}
	return list
}
