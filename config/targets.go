package config

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"trapline/config/document"
	"trapline/internal/access"
	"trapline/internal/assign"
	"trapline/internal/discovery"
	"trapline/internal/listen"
	"trapline/internal/poller"
	"trapline/internal/setting"
	"trapline/internal/topology"
)

// roster holds the targets that were checked.
type roster struct {
	named map[string]place // by name
	asked map[string]place // by address, context and module
}

func (u *merged) checkTarget(s *configSource, at document.Path, t *poller.TargetSettings, others roster) {
	report := reporterBelow(s, at)
	auth, ok := u.config.Auths[t.Auth]
	names := slices.Sorted(maps.Keys(u.config.Auths))
	if !ok && t.Auth == "" && len(names) > 1 {
		report("", nameless(names))
	} else if !ok && !u.lacks("auths") {
		report("auth", missingAuth(t.Auth, names))
	} else if auth != nil && auth.Version != 3 && t.ContextEngineID != "" {
		report("context_engine_id", fmt.Sprintf("only SNMPv3 has context engines, and auth %q is of version %d", t.Auth, auth.Version))
	}
	u.checkModules(s, at, t)
	u.checkTimeout(s, at, t)
	u.checkClocks(t)
	if t.Name == "" {
		return
	}
	if first, taken := others.named[t.Name]; taken {
		report("name", fmt.Sprintf("target %q stands %s already: give one of them another name", t.Name, first.source.Where(first.at, s)))
		return
	}
	others.named[t.Name] = place{s, at}
	others.warnTwice(place{s, at}, t)
}

func (u *merged) targetNames() *topology.NameSet {
	var names []string
	for i := range u.config.Targets {
		names = append(names, u.config.Targets[i].Name)
	}
	return topology.Names(names)
}

// checkTopology reports names in `parents` and `topology` that no target has.
func (u *merged) checkTopology() {
	known := u.targetNames()
	listed := len(u.config.Discovery) > 0 // which may have a target of that name
	for _, s := range u.sources {
		for i := range s.Config.Targets {
			t := &s.Config.Targets[i]
			if at, text := known.Check(t.Parents, t.Name); text != "" && !listed {
				reporterBelow(s, document.Path{"targets", document.Index(i)})(fmt.Sprintf("parents[%d]", at), text)
			}
		}
		if at, text := known.Check(s.Config.Topology.Roots, ""); text != "" && !listed {
			reporterBelow(s, document.Path{"topology"})(fmt.Sprintf("roots[%d]", at), text)
		}
	}
}

// warnTwice warns of a target that asks the same device for the same as another one.
func (r roster) warnTwice(here place, t *poller.TargetSettings) {
	address, err := access.ParseAddress(t.Address)
	if err != nil {
		return
	}
	for _, module := range t.Modules {
		key := strings.Join([]string{address.String(), t.Context, t.ContextEngineID, module}, "\x00")
		if first, taken := r.asked[key]; taken {
			here.source.Warn(here.at.Below("address"), fmt.Sprintf("the target %s asks %s for module %s too: keep one of them", first.source.Where(first.at, here.source), t.Address, module))
			return
		}
		r.asked[key] = here
	}
}

// lacks reports whether no file has the section and the top level of at least one file is incomplete. That the
// section is missing is then a consequence of another error.
func (u *merged) lacks(section string) bool {
	return slices.ContainsFunc(u.sources, func(s *configSource) bool { return s.Incomplete[""] }) &&
		!slices.ContainsFunc(u.sources, func(s *configSource) bool { return s.Value(document.Path{section}) != nil })
}

func (u *merged) checkModules(s *configSource, at document.Path, t *poller.TargetSettings) {
	report := reporterBelow(s, at)
	names := slices.Sorted(maps.Keys(u.config.Modules))
	for i, name := range t.Modules {
		if !u.config.knowsModule(name) && !u.lacks("modules") {
			report("modules"+document.Index(i), missingModule(name, slices.Concat(names, shippedNames())))
		}
	}
}

// nameless returns the error of a target without an auth, with the auths that it may name.
func nameless(names []string) string {
	if len(names) > maxListed {
		return "names no auth, and auths has several: write auth: NAME"
	}
	last := len(names) - 1
	return fmt.Sprintf("names no auth: %s or %s?", strings.Join(names[:last], ", "), names[last])
}

// checkTimeout warns of a timeout that is not shorter than the interval, with which the poll ends.
func (u *merged) checkTimeout(s *configSource, at document.Path, t *poller.TargetSettings) {
	global := &u.config.Global
	interval := cmp.Or(t.Interval.Duration, global.Interval.Duration, poller.DefaultInterval)
	check := func(s *configSource, at document.Path, timeout time.Duration) {
		if timeout >= interval && s != nil {
			s.Warn(at.Below("timeout"), fmt.Sprintf("a request may take %s, and the interval is %s: the poll ends first: write less than %s", timeout, interval, interval))
		}
	}
	if t.Timeout.Duration > 0 {
		check(s, at, t.Timeout.Duration)
		return
	}
	check(u.set["global.timeout"], document.Path{"global"}, global.Timeout.Duration)
	for _, name := range t.Modules {
		if m := u.config.Modules[name]; m != nil {
			check(u.set[document.Path{"modules", name}.String()], document.Path{"modules", name}, m.Timeout.Duration)
		}
	}
}

// checkClocks warns of parts of modules that are to be read more often than a target is polled.
func (u *merged) checkClocks(t *poller.TargetSettings) {
	interval := cmp.Or(t.Interval.Duration, u.config.Global.Interval.Duration, poller.DefaultInterval)
	for _, name := range t.Modules {
		m := u.config.Modules[name]
		at := document.Path{"modules", name}
		s := u.set[at.String()]
		if m == nil || s == nil {
			continue
		}
		for path, every := range m.Clocks() {
			if every > 0 && every < interval {
				s.Warn(at.Below(path), fmt.Sprintf("%s is shorter than the interval of a target, %s: no effect there", every, interval))
			}
		}
	}
}

// missingModule returns the error of a module that does not exist.
func missingModule(name string, names []string) string {
	text := fmt.Sprintf("there is no module %q", name)
	if question := setting.DidYouMean(name, names); question != "" {
		return text + ": " + question
	}
	return text + " in modules, and none of that name ships"
}

// missingAuth returns the error of an auth that does not exist.
func missingAuth(name string, names []string) string {
	text := fmt.Sprintf("there is no auth %q", name)
	if question := setting.DidYouMean(name, names); question != "" {
		return text + ": " + question
	}
	if len(names) == 0 || len(names) > maxListed {
		return text + " in auths"
	}
	return text + ": auths has " + strings.Join(names, ", ")
}

// maxListed is how many names a message lists.
const maxListed = 12

// checkListen reports auths of `listen` that do not exist, and users with two passwords.
func (u *merged) checkListen() {
	for _, s := range u.sources {
		l := &s.Config.Listen
		if s.Value(document.Path{"listen"}) != nil && reflect.ValueOf(l).Elem().IsZero() {
			reporterBelow(s, document.Path{"listen"})("", "listen needs addresses and auths: write listen: {addresses: [\":162\"], auths: [NAME]}")
		}
		if text := listen.Ambiguous(l, u.config.Auths); text != "" {
			reporterBelow(s, document.Path{"listen"})("agent", text)
		}
		for key, names := range map[string][]string{"auths": s.Config.Listen.Auths, "agent": s.Config.Listen.Agent} {
			for i, name := range names {
				if u.config.Auths[name] == nil && !u.lacks("auths") {
					reporterBelow(s, document.Path{"listen"})(key+document.Index(i), missingAuth(name, slices.Sorted(maps.Keys(u.config.Auths))))
				}
			}
		}
	}
}

// checkDiscovery reports lists that are there twice, and unknown names in assignments.
func (u *merged) checkDiscovery() {
	lists := map[string]place{}
	for _, s := range u.sources {
		for i := range s.Config.Discovery {
			s.Config.Discovery[i].SetDirectory(filepath.Dir(s.File))
			checkTwice(s, document.Path{"discovery", document.Index(i)}, s.Config.Discovery[i].Name, lists)
			u.checkProbes(s, document.Path{"discovery", document.Index(i)}, &s.Config.Discovery[i])
			u.config.Warnings = append(u.config.Warnings, s.Config.Discovery[i].Warnings()...)
		}
		for i := range s.Config.Assign {
			u.checkAssignment(s, document.Path{"assign", document.Index(i)}, &s.Config.Assign[i])
		}
	}
	for i := range u.config.Discovery {
		l := &u.config.Discovery[i]
		l.Name = cmp.Or(l.Name, l.JobName)
	}
}

// checkProbes reports auths and seeds that do not exist, and warns of communities that very many addresses, or public
// ones, would see.
func (u *merged) checkProbes(s *configSource, at document.Path, list *discovery.Settings) {
	check := func(key string, auths []string, doubts []setting.Problem) {
		below := at.Below(key)
		for i, name := range auths {
			if u.config.Auths[name] == nil && !u.lacks("auths") {
				reporterBelow(s, below)(fmt.Sprintf("auths[%d]", i), missingAuth(name, slices.Sorted(maps.Keys(u.config.Auths))))
			}
		}
		for _, doubt := range doubts {
			s.Warn(below.Below(doubt.Path), doubt.Text)
		}
	}
	if list.Scan != nil {
		check("scan", list.Scan.Auths, list.Scan.DoubtsOfCommunities(u.config.Auths))
	}
	if n := list.Neighbours; n != nil {
		check("neighbours", n.Auths, n.DoubtsOfCommunities(u.config.Auths))
		if at, text := u.targetNames().Check(n.Seeds, ""); text != "" && len(u.config.Discovery) == 1 && list.OnlyNeighbours() {
			reporterBelow(s, document.Path{"discovery", document.Index(0), "neighbours"})(fmt.Sprintf("seeds[%d]", at), text)
		}
	}
}

func (u *merged) checkAssignment(s *configSource, at document.Path, a *assign.Assignment) {
	report := reporterBelow(s, at)
	if name := a.Set.Auth; name != "" && u.config.Auths[name] == nil && !u.lacks("auths") {
		report("set.auth", missingAuth(name, slices.Sorted(maps.Keys(u.config.Auths))))
	}
	for i, name := range a.Set.Modules {
		if !u.config.knowsModule(name) && !u.lacks("modules") {
			report(fmt.Sprintf("set.modules[%d]", i), missingModule(name, slices.Concat(slices.Sorted(maps.Keys(u.config.Modules)), shippedNames())))
		}
	}
	if a.Match.Profile != "" {
		if text := u.errorOfProfile(a.Match.Profile); text != "" {
			report("match.profile", text)
		}
	}
}

// errorOfProfile says why assignments cannot depend on a profile, "" if they can, or if that is not known: directories of
// profiles are read later.
func (u *merged) errorOfProfile(name string) string {
	own, err := builtin()
	if err != nil {
		return ""
	}
	known := maps.Clone(own.index.Profiles)
	maps.Copy(known, u.config.DeviceProfiles)
	switch p := known[name]; {
	case p != nil && len(p.Probe) > 0:
		return fmt.Sprintf("which devices are %s depends on more than sysObjectID and sysDescr: match these", name)
	case p != nil || len(u.config.Profiles.Dirs) > 0:
		return ""
	}
	text := fmt.Sprintf("there is no profile %q", name)
	if question := setting.DidYouMean(name, slices.Sorted(maps.Keys(known))); question != "" {
		return text + ": " + question
	}
	return text + ": `trapline profile list` has them"
}
