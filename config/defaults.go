package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"trapline/config/document"
	"trapline/internal/access"
	"trapline/internal/poller"
	"trapline/internal/profile"
)

// defaultStateDir is where state is kept that needs a place, unless the file or systemd names one.
const defaultStateDir = "trapline-data"

// defaults sets the values that the files leave out and those that depend on all files.
func (u *merged) defaults() {
	c := &u.config
	if len(c.Auths) == 0 && (len(c.Targets)+len(c.Discovery)+len(c.Receivers) > 0 || c.Listen.Enabled()) && !u.lacks("auths") {
		auth := access.DefaultAuth()
		c.Auths[poller.DefaultAuth] = &auth
	}
	auth, modules := c.usualAuth(), c.usualModules()
	all := c.Targets
	for _, s := range u.sources {
		for i := range s.Config.Targets {
			t := &s.Config.Targets[i]
			t.Auth = cmp.Or(t.Auth, auth)
			if len(t.Modules) == 0 {
				t.Modules = slices.Clone(modules)
				warnEmptyModules(s, document.Path{"targets", document.Index(i), "modules"}, modules[0])
			}
			all[i] = *t
		}
		all = all[len(s.Config.Targets):]
	}
	c.ShipsModules = len(c.Targets)+len(c.Discovery)+len(c.Receivers)+len(c.DeviceProfiles) > 0
	if c.StateDir == "" && u.storesState() {
		first := filepath.SplitList(os.Getenv("STATE_DIRECTORY"))
		c.StateDir, c.UsualStateDir = cmp.Or(slices.Concat(first, []string{defaultStateDir})...), true
	}
}

// storesState reports whether something has to survive a restart.
func (u *merged) storesState() bool {
	c := &u.config
	return len(c.Receivers)+len(c.RuleFiles)+len(c.Thresholds)+len(c.TrapRules)+len(c.Discovery)+len(c.Listen.Agent) > 0 || c.Cluster != nil || u.listensToUsers()
}

// usualAuth is the auth of targets that name none: the default one, or the only one. It is empty where the
// Target has to name one.
func (c *Config) usualAuth() string {
	if _, ok := c.Auths[poller.DefaultAuth]; ok {
		return poller.DefaultAuth
	}
	if len(c.Auths) == 1 {
		for name := range c.Auths {
			return name
		}
	}
	return ""
}

// usualModules are the modules of targets that name none.
func (c *Config) usualModules() []string {
	if _, ok := c.Modules[poller.DefaultModule]; ok {
		return []string{poller.DefaultModule}
	}
	return []string{profile.Auto}
}

// warnEmptyModules warns of a list without modules, which does not mean that none are read.
func warnEmptyModules(s *configSource, at document.Path, usual string) {
	if s.Value(at) != nil {
		s.Warn(at, fmt.Sprintf("an empty list stands for the default, [%s]: name modules, or leave it out", usual))
	}
}

// listensToUsers reports whether users of SNMPv3 may send notifications, for which engine boots are stored.
func (u *merged) listensToUsers() bool {
	return slices.ContainsFunc(u.config.Listen.Auths, func(name string) bool {
		auth := u.config.Auths[name]
		return auth != nil && auth.Version == 3
	})
}
