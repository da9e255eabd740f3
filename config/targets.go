package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/setting"
)

func (u *union) checkTarget(s *source, at path, t *poller.TargetSettings, named map[string]place) {
	wrong := s.wrongBelow(at)
	auth, ok := u.config.Auths[t.Auth]
	if !ok && !u.lacks("auths") {
		wrong("auth", u.missingAuth(s, at, t))
	} else if auth != nil && auth.Version != 3 && t.ContextEngineID != "" {
		wrong("context_engine_id", fmt.Sprintf("only SNMPv3 has context engines, and auth %q is of version %d", t.Auth, auth.Version))
	}
	u.checkModules(s, at, t)
	u.checkTimeout(s, at, t)
	if t.Name == "" {
		return
	}
	if first, taken := named[t.Name]; taken {
		wrong("name", fmt.Sprintf("target %q stands %s already: give one of them another name", t.Name, first.where(first.at, s)))
		return
	}
	named[t.Name] = place{s, at}
}

// lacks reports whether no file has a section, and one of them has something in its place that was not
// understood: what is missing in it is a consequence.
func (u *union) lacks(section string) bool {
	return slices.ContainsFunc(u.sources, func(s *source) bool { return s.harmed[""] }) &&
		!slices.ContainsFunc(u.sources, func(s *source) bool { return s.value(path{section}) != nil })
}

func (u *union) checkModules(s *source, at path, t *poller.TargetSettings) {
	wrong := s.wrongBelow(at)
	names := slices.Sorted(maps.Keys(u.config.Modules))
	for i, name := range t.Modules {
		switch _, defined := u.config.Modules[name]; {
		case defined || name == profile.Auto || u.lacks("modules"):
		case s.value(at.below("modules")) == nil:
			wrong("modules", fmt.Sprintf("no modules are set, and the default, %s, is not defined: write modules: [%s]", name, cmp.Or(first(names), profile.Auto)))
		default:
			wrong("modules"+index(i), missing("module", name, names))
		}
	}
}

func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// missingAuth says that the auth of a target is not there.
func (u *union) missingAuth(s *source, at path, t *poller.TargetSettings) string {
	names := slices.Sorted(maps.Keys(u.config.Auths))
	if s.value(at.below("auth")) == nil && len(names) > 0 {
		return fmt.Sprintf("no auth is set, and the default, %s, is not defined: write auth: %s", t.Auth, names[0])
	}
	return missing("auth", t.Auth, names)
}

// checkTimeout warns of a timeout that is longer than the interval: the pass ends before it has passed.
func (u *union) checkTimeout(s *source, at path, t *poller.TargetSettings) {
	global := &u.config.Global
	interval := cmp.Or(t.Interval.Duration, global.Interval.Duration, poller.DefaultInterval)
	check := func(s *source, at path, timeout time.Duration) {
		if timeout > interval && s != nil {
			s.warn(at.below("timeout"), fmt.Sprintf("a request may take %s, which is longer than the interval, %s: the pass ends first: write less than %s", timeout, interval, interval))
		}
	}
	if t.Timeout.Duration > 0 {
		check(s, at, t.Timeout.Duration)
		return
	}
	check(u.set["global.timeout"], path{"global"}, global.Timeout.Duration)
	for _, name := range t.Modules {
		if m := u.config.Modules[name]; m != nil {
			check(u.set[path{"modules", name}.String()], path{"modules", name}, m.Timeout.Duration)
		}
	}
}

// missing says that there is no auth or module of that name.
func missing(kind, name string, names []string) string {
	text := fmt.Sprintf("there is no %s %q", kind, name)
	if near := setting.Nearest(name, names); near != "" {
		return text + fmt.Sprintf(": did you mean %q?", near)
	}
	if len(names) == 0 || len(names) > maxListed {
		return text + fmt.Sprintf(" in %ss", kind)
	}
	return text + fmt.Sprintf(": %ss has %s", kind, strings.Join(names, ", "))
}

// maxListed is how many names a message lists.
const maxListed = 12
