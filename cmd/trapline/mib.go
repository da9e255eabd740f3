package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/mibs"
)

func addMIB(app *kingpin.Application, commands map[string]command) {
	mib := app.Command("mib", "Read MIB modules: the built-in ones and those of the user.")
	addMIBTranslate(mib, commands)
	addMIBFind(mib, commands)
	addMIBCheck(mib, commands)
	addMIBPrint(mib, commands)
}

// mibFlags say where MIB files lie and which modules count, in the letters that Net-SNMP's commands use.
type mibFlags struct {
	dirs, modules *[]string
}

func addMIBFlags(c *kingpin.CmdClause) mibFlags {
	return mibFlags{
		dirs:    c.Flag("mib-dir", mibDirHelp).Short('M').Strings(),
		modules: c.Flag("module", "Modules to look in, with colons between them; without any, all.").Short('m').Strings(),
	}
}

// mibSources gives the user's directories, the built-in modules and what was fetched from the URLs among the
// directories. The modules of names, as MODULE::NAME or MODULE, are fetched if they are nowhere yet.
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
	return sources, nil
}

// allMIBs reads every module that there is, and those of names.
func allMIBs(dirs []string, names ...string) (*mibs.Tree, error) {
	sources, err := mibSources(dirs, names...)
	if err != nil {
		return nil, err
	}
	return mibs.LoadAll(sources...)
}

// tree reads the modules of the flags; without any, those that names say, as readTree has it.
func (f mibFlags) tree(names []string) (*mibs.Tree, error) { return f.treeWith(names, names) }

// treeWith is tree, once the modules of other names have been fetched too.
func (f mibFlags) treeWith(names, others []string) (*mibs.Tree, error) {
	named := splitColons(*f.modules)
	wanted := slices.Clone(others)
	for _, module := range named {
		wanted = append(wanted, module+"::")
	}
	sources, err := mibSources(splitColons(*f.dirs), wanted...)
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
	return mibs.LoadAll(sources...) // one of the names is of no module: all are needed to say what is meant
}

// splitColons parts lists at their colons. A URL is no list.
func splitColons(lists []string) (all []string) {
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

// nodeLine tells of a node in one line.
func nodeLine(n *mibs.Node) string {
	text := fmt.Sprintf("%s::%s .%s %s", n.Module, n.Name, n.OID, n.Kind)
	for _, more := range []string{n.Type.String(), n.Units} {
		if more != "" {
			text += ", " + more
		}
	}
	if n.Description != "" {
		text += ": " + n.Help()
	}
	return text
}
