package modules

import (
	"trapline/internal/setting"
	"trapline/mibs"
)

// advice is nodeSuggestion without parsing the facts of vendors' MIBs: it reads their names only.
func (l *Library) advice(named *mibs.Tree, module, name string) string {
	if l.merged || l.all != nil {
		all, _ := l.everything()
		return nodeSuggestion(named, all, module, name)
	}
	if len(named.Named(name)) > 0 {
		return ""
	}
	l.openRest()
	for _, sources := range [][]mibs.Source{l.sources, l.vendors} {
		if t, err := l.tree(mentioned(sources, name)); err == nil {
			if nodes := t.Named(name); len(nodes) > 0 {
				return nodeSuggestion(named, t, module, name)
			}
		}
	}
	if module != "" {
		return nodeSuggestion(named, nil, module, name)
	}
	names, err := l.nodeNames()
	if err != nil {
		return ""
	}
	return suggestion(name, names)
}

// nodeNames returns the names of all nodes of all MIBs.
func (l *Library) nodeNames() ([]string, error) {
	if l.nodes != nil {
		return l.nodes, nil
	}
	t, err := l.tree(namesOf(l.sources))
	if err != nil {
		return nil, err
	}
	for n := range t.All() {
		l.nodes = append(l.nodes, n.Name)
	}
	if len(l.vendors) > 0 {
		l.nodes = append(l.nodes, mibs.Vendors().Defined()...)
	}
	return l.nodes, nil
}

// nodeSuggestion returns a suggestion for an unknown name. all contains more MIBs, or is nil.
func nodeSuggestion(named, all *mibs.Tree, module, name string) string {
	if all != nil {
		if len(named.Named(name)) > 0 {
			return "" // already in the error
		}
		if nodes := all.Named(name); len(nodes) > 0 {
			return ": " + setting.Question(nodes[0].Module+"::"+name)
		}
		if module == "" {
			named = all
		}
	}
	var names []string
	for n := range named.All() {
		if module == "" || n.Module == module {
			names = append(names, n.Name)
		}
	}
	return suggestion(name, names)
}

func suggestion(name string, names []string) string {
	if question := setting.DidYouMean(name, names); question != "" {
		return ": " + question
	}
	return ""
}
