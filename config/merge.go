package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"trapline/config/document"
	"trapline/internal/mute"
	"trapline/internal/notify"
)

// merged is the configuration of several files.
type merged struct {
	config  Config
	sources []*configSource
	set     map[string]*configSource // the file that set an entry of a map or a key of a section
	more    document.Problems        // in files that the sources name

	ruleFiles []string
}

// merge returns one configuration of all sources. It returns nil if they have problems.
func merge(sources []*configSource, o Options) (*merged, document.Problems) {
	u := &merged{set: map[string]*configSource{}}
	for _, s := range sources {
		if o.ExpandEnv {
			expandEnv(s, s.Config.Auths)
		}
		placeDirs(s)
		s.Config.Cluster.SetDirectory(filepath.Dir(s.File))
		s.Check()
		u.add(s)
	}
	if u.readable() {
		u.defaults()
		u.addInventories()
		u.check()
		u.compile(o)
		u.readRules()
		u.checkTrapRules(o)
		u.checkInhibitRules()
		u.warnOfNoEffect()
		u.checkSeverities()
	}
	m := u.more
	for _, s := range sources {
		m = append(m, s.Problems()...)
	}
	if len(m) > 0 {
		return nil, m
	}
	return u, nil
}

// placeDirs makes the directories that a file names relative to it.
func placeDirs(s *configSource) {
	for section, dirs := range map[string]*[]string{"mibs": &s.Config.MIBs.Dirs, "profiles": &s.Config.Profiles.Dirs} {
		*dirs = placed(s.File, *dirs, func(i int, text string) { s.Warn(document.Path{section, "dirs", document.Index(i)}, text) })
	}
}

// add adds the settings of s. A setting that another file has set already is an error.
func (u *merged) add(s *configSource) {
	u.sources = append(u.sources, s)
	from, to := reflect.ValueOf(&s.Config).Elem(), reflect.ValueOf(&u.config).Elem()
	for _, f := range document.LayoutOf(to.Type()).Keyed {
		from, to := from.Field(f.Index), to.Field(f.Index)
		switch to.Kind() {
		case reflect.Slice:
			to.Set(reflect.AppendSlice(to, from))
		case reflect.Map:
			u.addEntries(s, f.Key, from, to)
		case reflect.Struct:
			u.addSection(s, f.Key, to)
		case reflect.Pointer: // a section that is whole in one file
			if !from.IsNil() && u.claim(s, document.Path{f.Key}) {
				to.Set(from)
			}
		default:
			if !from.IsZero() {
				to.Set(from)
			}
		}
	}
}

func (u *merged) addEntries(s *configSource, section string, from, to reflect.Value) {
	if to.IsNil() {
		to.Set(reflect.MakeMap(to.Type()))
	}
	for name, entry := range from.Seq2() {
		if u.claim(s, document.Path{section, name.String()}) {
			to.SetMapIndex(name, entry)
		}
	}
}

// addSection decodes the section of s over the values that other files set in it.
func (u *merged) addSection(s *configSource, section string, to reflect.Value) {
	node := s.Value(document.Path{section})
	if node == nil {
		return
	}
	for _, key := range document.KeysOf(node) {
		u.claim(s, document.Path{section, key})
	}
	// Its errors, if any, were found when the file was read.
	_ = document.Decode(node, to.Addr().Interface())
	switch {
	case section == "mibs" && s.Config.MIBs.Dirs != nil:
		u.config.MIBs.Dirs = s.Config.MIBs.Dirs // as placeDirs has placed them
	case section == "profiles" && s.Config.Profiles.Dirs != nil:
		u.config.Profiles.Dirs = s.Config.Profiles.Dirs
	}
}

// claim reports whether s is the first file to set the value at p.
func (u *merged) claim(s *configSource, p document.Path) bool {
	first, taken := u.set[p.String()]
	if !taken || first == s {
		u.set[p.String()] = s
		return true
	}
	s.Report(p, nil, "already set "+first.Where(p, s))
	return false
}

// warnings returns the warnings of all files, sorted.
func (u *merged) warnings() (list []string) {
	var all document.Problems
	for _, s := range u.sources {
		all = append(all, s.Warnings()...)
	}
	for _, m := range all.Sorted() {
		list = append(list, m.String())
	}
	return list
}

// readable reports whether all files could be read. Otherwise a missing setting may stand in a file not read.
func (u *merged) readable() bool {
	for _, s := range u.sources {
		if s.Unread {
			return false
		}
	}
	return true
}

// check reports errors between the files: names that one file uses and another defines.
func (u *merged) check() {
	others := roster{map[string]place{}, map[string]place{}}
	for _, s := range u.sources {
		for i := range s.Config.Targets {
			at := document.Path{"targets", document.Index(i)}
			u.checkTarget(s, at, &s.Config.Targets[i], others)
		}
	}
	u.checkTopology()
	u.checkListen()
	u.checkTimes()
	u.checkDiscovery()
	named := map[string]place{}
	for _, s := range u.sources {
		for i := range s.Config.Receivers {
			s.Config.Receivers[i].HTTPConfig.SetDirectory(filepath.Dir(s.File))
			u.checkReceiver(s, document.Path{"receivers", document.Index(i)}, &s.Config.Receivers[i], named)
		}
	}
	u.checkEngines()
	u.config.Warnings = append(u.config.Warnings, notify.SameAddress(u.config.Receivers)...)
}

// checkEngines reports an SNMP engine ID that all members of a cluster would have: receivers of SNMPv3 traps drop those of all but
// one, since boots and time are of each (RFC 3414 section 3.2). It warns of receivers that must know the engines of all.
func (u *merged) checkEngines() {
	if u.config.Cluster == nil {
		return
	}
	for _, s := range u.sources {
		if s.Config.Notifications.EngineID != "" {
			reporterBelow(s, document.Path{"notifications"})("engine_id", "each member of a cluster sends traps with an engine ID of its own: leave engine_id out")
		}
	}
	for i := range u.config.Receivers {
		r := &u.config.Receivers[i]
		if auth := u.config.Auths[r.Auth]; auth != nil && r.SendsTrapsOfEngine(auth) {
			u.config.Warnings = append(u.config.Warnings, fmt.Sprintf("receiver %s drops the SNMPv3 traps of members whose engine IDs it does not know: once all members have joined, `trapline engine` prints their lines for snmptrapd", r.Name))
		}
	}
}

// checkTimes reports names of time intervals and windows that are there twice, and unknown names of intervals.
func (u *merged) checkTimes() {
	intervals, windows := map[string]place{}, map[string]place{}
	for _, s := range u.sources {
		for i := range s.Config.TimeIntervals {
			checkTwice(s, document.Path{"time_intervals", document.Index(i)}, s.Config.TimeIntervals[i].Name, intervals)
		}
		for i := range s.Config.Maintenance {
			w, at := &s.Config.Maintenance[i], document.Path{"maintenance", document.Index(i)}
			checkTwice(s, at, w.Name, windows)
			u.checkIntervals(s, at, "during", w.During)
		}
		for i := range s.Config.Receivers {
			r, at := &s.Config.Receivers[i], document.Path{"receivers", document.Index(i)}
			u.checkIntervals(s, at, "active_time_intervals", r.ActiveTimeIntervals)
			u.checkIntervals(s, at, "mute_time_intervals", r.MuteTimeIntervals)
		}
	}
}

func checkTwice(s *configSource, at document.Path, name string, named map[string]place) {
	if first, taken := named[name]; taken && name != "" {
		reporterBelow(s, at)("name", fmt.Sprintf("%q stands %s already: give one of them another name", name, first.source.Where(first.at, s)))
		return
	}
	named[name] = place{s, at}
}

// checkIntervals reports unknown names of time intervals.
func (u *merged) checkIntervals(s *configSource, at document.Path, key string, names []string) {
	if i, text := mute.CheckNames(names, u.config.TimeIntervals); text != "" && !u.lacks("time_intervals") {
		reporterBelow(s, at)(fmt.Sprintf("%s[%d]", key, i), text)
	}
}

// place is where something stands in the files.
type place struct {
	source *configSource
	at     document.Path
}

func (u *merged) checkReceiver(s *configSource, at document.Path, r *notify.ReceiverSettings, named map[string]place) {
	report := reporterBelow(s, at)
	auth, ok := u.config.Auths[r.Auth]
	if !ok && r.Auth != "" && !u.lacks("auths") {
		report("auth", missingAuth(r.Auth, slices.Sorted(maps.Keys(u.config.Auths))))
	}
	for _, m := range r.Speaks(auth, &u.config.Notifications) {
		report(m.Path, m.Text)
	}
	if first, taken := named[r.Name]; taken && r.Name != "" {
		report("name", fmt.Sprintf("receiver %q stands %s already: give one of them another name", r.Name, first.source.Where(first.at, s)))
		return
	}
	named[r.Name] = place{s, at}
}

// reporterBelow returns a function that reports problems in the settings at a path, unless they may be consequences of
// one already reported.
func reporterBelow(s *configSource, at document.Path) func(rel, text string) {
	return func(rel, text string) {
		if p := at.Below(rel); !s.Consequence(at, p) {
			s.Report(p, nil, text)
		}
	}
}

// nothing returns the error of files that configure nothing to poll, nil if there is something.
func (u *merged) nothing() document.Problems {
	c := &u.config
	if len(u.sources) == 0 || len(c.Targets)+len(c.Discovery)+len(c.Receivers) > 0 || c.Listen.Enabled() {
		return nil // without a file, which is an error already
	}
	where := u.fileNames()
	wanted := len(c.Modules) > 0 || u.wantsProfiles()
	switch {
	case len(c.Auths) == 0 && !wanted:
		return document.Problems{{File: where, Text: "nothing to poll: write at least targets: [ADDRESS]"}}
	case len(c.Auths) == 0:
		return document.Problems{{File: where, Text: "no targets and no auths: write at least targets: [ADDRESS], or auths: {public_v2: {community: public}}"}}
	case !wanted:
		return document.Problems{{File: where, Text: "no targets and no modules: write at least targets: [ADDRESS], or modules: {if_mib: {walk: [IF-MIB::ifTable]}}"}}
	}
	return nil
}

// fileNames names the files that were read.
func (u *merged) fileNames() string {
	var names []string
	for _, s := range u.sources {
		names = append(names, s.File)
	}
	return strings.Join(names, ", ")
}
