package cli

import (
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/mibs"
)

// MIBFlags say where MIB files lie and which modules count, in the letters that Net-SNMP's commands use.
type MIBFlags struct {
	Dirs, Modules *[]string
}

// AddMIBFlags adds the flags.
func AddMIBFlags(c *kingpin.CmdClause) MIBFlags {
	return MIBFlags{
		Dirs:    c.Flag("mib-dir", mibDirHelp).Short('M').Strings(),
		Modules: c.Flag("module", "Modules to look in, with colons between them; without any, all.").Short('m').Strings(),
	}
}

// mibSources returns the user's directories, the built-in modules, those fetched from the URLs among the
// directories, and what is built in of vendors' modules. The modules of names, as MODULE::NAME or MODULE, are fetched if they are nowhere yet.
func mibSources(dirs []string, names ...string) ([]mibs.Source, error) {
	sources, remotes, err := mibs.OpenAll(dirs...)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		module, _, qualified := strings.Cut(name, "::")
		if !qualified {
			continue
		}
		for _, r := range remotes {
			if found, err := r.Fetch(module, sources...); err != nil {
				return nil, err
			} else if found {
				break
			}
		}
	}
	return append(sources, mibs.Vendors()), nil
}

// AllMIBs reads every module that there is, and those of names.
func AllMIBs(dirs []string, names ...string) (*mibs.Tree, error) {
	sources, err := mibSources(dirs, names...)
	if err != nil {
		return nil, err
	}
	return mibs.LoadAll(sources...)
}

// Tree reads the modules of the flags; without any, those that names say, as readTree has it.
func (f MIBFlags) Tree(names []string) (*mibs.Tree, error) { return f.TreeWith(names, names) }

// TreeWith is tree, once the modules of other names have been fetched too.
func (f MIBFlags) TreeWith(names, others []string) (*mibs.Tree, error) {
	named := SplitColons(*f.Modules)
	wanted := slices.Clone(others)
	for _, module := range named {
		wanted = append(wanted, module+"::")
	}
	sources, err := mibSources(SplitColons(*f.Dirs), wanted...)
	if err != nil {
		return nil, err
	}
	return readTree(named, names, sources...)
}

// readTree reads modules; without any, those that the names MODULE::… say, if all are written so; else
// every module.
func readTree(modules, names []string, sources ...mibs.Source) (*mibs.Tree, error) {
	if len(modules) > 0 {
		return mibs.Load(modules, sources...)
	}
	for _, name := range names {
		module, _ := mibs.CutModule(name)
		if module == "" {
			return mibs.LoadAll(sources...)
		}
		modules = append(modules, module)
	}
	if len(modules) == 0 {
		return mibs.LoadAll(sources...)
	}
	if t, err := mibs.Load(modules, sources...); err == nil {
		return t, nil
	}
	return mibs.LoadAll(sources...) // one of the names is of no module: all are needed for a suggestion
}

// SplitColons parts lists at their colons. A URL is no list.
func SplitColons(lists []string) (all []string) {
	for _, list := range lists {
		if mibs.IsURL(list) {
			all = append(all, list)
			continue
		}
		all = append(all, strings.FieldsFunc(list, func(c rune) bool { return c == ':' })...)
	}
	return all
}

const mibDirHelp = "Directories of MIB files, with colons between them; they come before the built-in modules. Or the URL of such a directory, " +
	"or of a file with @mib@ in the place of the module's name: what is nowhere else is fetched from there, and kept."
