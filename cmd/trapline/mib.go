package main

import (
	"fmt"
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
		dirs:    c.Flag("mib-dir", "Directories of MIB files, with colons between them; they come before the built-in modules.").Short('M').Strings(),
		modules: c.Flag("module", "Modules to look in, with colons between them; without any, all.").Short('m').Strings(),
	}
}

func (f mibFlags) sources() ([]mibs.Source, error) { return mibSources(splitColons(*f.dirs)) }

// mibSources gives the user's directories and the built-in modules.
func mibSources(dirs []string) ([]mibs.Source, error) {
	if len(dirs) == 0 {
		return []mibs.Source{mibs.Embedded()}, nil
	}
	d, err := mibs.OpenDirectories(dirs...)
	if err != nil {
		return nil, err
	}
	return []mibs.Source{d, mibs.Embedded()}, nil
}

// allMIBs reads every module.
func allMIBs(dirs []string) (*mibs.Tree, error) {
	sources, err := mibSources(dirs)
	if err != nil {
		return nil, err
	}
	return mibs.LoadAll(sources...)
}

func (f mibFlags) tree(names []string) (*mibs.Tree, error) {
	sources, err := f.sources()
	if err != nil {
		return nil, err
	}
	return readTree(splitColons(*f.modules), names, sources...)
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

func splitColons(lists []string) (all []string) {
	for _, list := range lists {
		all = append(all, strings.FieldsFunc(list, func(c rune) bool { return c == ':' })...)
	}
	return all
}

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
