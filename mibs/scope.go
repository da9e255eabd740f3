package mibs

import (
	"strings"

	"trapline/mibs/smi"
)

// scope is a module on its way into a Tree: its symbols, and the modules that it sees.
type scope struct {
	module  *smi.Module
	rank    rank
	values  map[string]int // index in module.definitions: the last definition of a name counts, unless it hangs on that name
	types   map[string]int // index in module.types
	imports map[string]*scope
	order   []*scope // of imports, without repetition

	made     []Node  // where nodes lie, in one piece
	nodes    []*Node // of module.definitions; nil where the OID is unknown
	states   []state // of nodes
	resolved []*Syntax
	folded   map[string]string // names by their lower case, made when first needed
	reach    []*scope          // all modules that it imports from, nearest first
	assumed  map[string]bool   // names that it uses and does not import
}

type state uint8

const (
	unresolved state = iota
	resolving
	done
)

func newScope(m *smi.Module, place int) *scope {
	s := &scope{module: m, rank: rankOf(m, place), values: make(map[string]int, len(m.Definitions)), imports: make(map[string]*scope, len(m.Imports))}
	for i := range m.Definitions {
		// One that hangs on its own name hangs on the one before, as do all others then.
		d := &m.Definitions[i]
		if _, before := s.values[d.Name]; !before || !d.HangsOn(d.Name) {
			s.values[d.Name] = i
		}
	}
	s.addArcs()
	s.made = make([]Node, len(m.Definitions))
	s.nodes = make([]*Node, len(m.Definitions))
	s.states = make([]state, len(m.Definitions))
	if len(m.Types) > 0 {
		s.types = make(map[string]int, len(m.Types))
		s.resolved = make([]*Syntax, len(m.Types))
	}
	for i := range m.Types {
		s.types[m.Types[i].Name] = i
	}
	return s
}

// rankOf returns the rank of a module in this place among those that are loaded.
func rankOf(m *smi.Module, place int) rank {
	r := rank(place)
	if !base[m.Name] {
		r |= notBase
	}
	if m.LastUpdated == "" && !strings.HasPrefix(m.Name, "SNMPv2-") { // SMIv2's own modules have none
		r |= notV2
	}
	return r
}

// addArcs defines the names that stand inside of OIDs with their numbers: org, in { iso org(3) 6 }.
func (s *scope) addArcs() {
	for _, d := range s.module.Definitions {
		for i := 1; i < len(d.Value)-1; i++ {
			a := d.Value[i]
			if a.Name == "" || !a.Numbered {
				continue
			}
			if _, known := s.values[a.Name]; !known {
				s.values[a.Name] = len(s.module.Definitions)
				s.module.Definitions = append(s.module.Definitions, smi.Definition{Name: a.Name, Offset: d.Offset, Value: d.Value[:i+1]})
			}
		}
	}
}

func (s *scope) addImport(name string, from *scope) {
	if from == s {
		return
	}
	s.imports[name] = from
	for _, known := range s.order {
		if known == from {
			return
		}
	}
	s.order = append(s.order, from)
}

// reachable returns all modules that s imports from, directly or not, the nearest first.
func (s *scope) reachable() []*scope {
	if s.reach == nil {
		seen := map[*scope]bool{s: true}
		s.reach = []*scope{}
		for _, from := range s.order {
			seen[from] = true
			s.reach = append(s.reach, from)
		}
		for i := 0; i < len(s.reach); i++ {
			for _, from := range s.reach[i].order {
				if !seen[from] {
					seen[from] = true
					s.reach = append(s.reach, from)
				}
			}
		}
	}
	return s.reach
}

// symbols are the values or the types of a module.
type symbols func(*scope) map[string]int

func values(s *scope) map[string]int { return s.values }
func types(s *scope) map[string]int  { return s.types }

// lookup finds a symbol in the scope of s: its own symbols, then its imports, then the symbols of the modules
// that it imports from, directly or not, then one whose name differs in case only.
func (l *loader) lookup(s *scope, name string, of symbols) (*scope, int) {
	if i, ok := of(s)[name]; ok {
		return s, i
	}
	return l.lookupAbroad(s, name, of)
}

// lookupAbroad leaves the module's own symbol of that name out.
func (l *loader) lookupAbroad(s *scope, name string, of symbols) (*scope, int) {
	from, i, imported := l.search(s, name, of)
	if from != nil && !imported {
		l.assume(s, name, from.module.Name)
	}
	return from, i
}

// assume reports once that a module uses a name without importing it. It skips facts, which import no
// more than they must.
func (l *loader) assume(s *scope, name, from string) {
	if s.module.File.Path == "" || s.assumed[name] {
		return
	}
	if s.assumed == nil {
		s.assumed = map[string]bool{}
	}
	s.assumed[name] = true
	l.add(s.module, l.offset, false, "%s is not imported: taken from %s", name, from)
}

func (l *loader) search(s *scope, name string, of symbols) (from *scope, at int, imported bool) {
	if from := s.imports[name]; from != nil {
		// A module may import a symbol from a module that itself imports it.
		for hops := 0; from != nil && hops < 20; hops++ {
			if i, ok := of(from)[name]; ok {
				return from, i, true
			}
			from = from.imports[name]
		}
	}
	for _, base := range []string{"SNMPv2-SMI", "SNMPv2-TC"} {
		if from := l.byName[base]; from != nil && from != s {
			if i, ok := of(from)[name]; ok {
				return from, i, false
			}
		}
	}
	for _, from := range s.reachable() {
		if i, ok := of(from)[name]; ok {
			return from, i, false
		}
	}
	if s.folded == nil {
		s.folded = map[string]string{}
		for _, names := range []map[string]int{s.values, s.types} {
			for known := range names {
				folded := strings.ToLower(known)
				s.folded[folded] = max(s.folded[folded], known) // one of several, always the same
			}
		}
	}
	if known := s.folded[strings.ToLower(name)]; known != "" && known != name {
		if i, ok := of(s)[known]; ok {
			l.assume(s, name, known+", which differs in small and capital letters")
			return s, i, true
		}
	}
	return nil, 0, false
}
