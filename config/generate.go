package config

import (
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"trapline/collector"
	"trapline/config/document"
)

// Generate returns the modules of files in the form that snmp_exporter reads, with OIDs instead of names. The
// files may be a generator.yml of snmp_exporter, or an snmp.yml from before its 0.23. Credentials are copied
// unchanged.
func Generate(patterns []string, o Options) (text []byte, warnings []string, err error) {
	o.convert = true
	u, err := readAll(patterns, o)
	if err != nil {
		return nil, nil, err
	}
	if len(u.config.Auths)+len(u.config.Modules)+len(u.config.Targets) == 0 {
		return nil, nil, document.Problems{{File: u.fileNames(), Text: "no modules: write at least one, such as modules: {if_mib: {walk: [IF-MIB::ifTable]}}"}}
	}
	out := struct {
		Auths   map[string]*yaml.Node          `yaml:"auths,omitempty"`
		Modules map[string]*collector.Settings `yaml:"modules"`
	}{map[string]*yaml.Node{}, u.config.Compiled}
	for _, name := range slices.Sorted(maps.Keys(u.config.Auths)) {
		at := document.Path{"auths", name}
		if s := u.set[at.String()]; s != nil {
			out.Auths[name] = withoutAliases(s.Value(at))
		} else { // the default one
			out.Auths[name] = mapping(0)
		}
	}
	text, err = encode(out)
	return text, u.config.Warnings, err
}

// withoutAliases returns a copy of a value with its aliases resolved, because their anchors may be elsewhere.
func withoutAliases(n *yaml.Node) *yaml.Node {
	copied := *document.Target(n)
	copied.Anchor, copied.Content, copied.Tag = "", nil, n.ShortTag()
	for _, c := range document.Target(n).Content {
		copied.Content = append(copied.Content, withoutAliases(c))
	}
	return &copied
}
