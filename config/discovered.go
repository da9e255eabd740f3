package config

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"trapline/internal/poller"
)

// Complete sets the defaults of a target that stands in no file. It returns the error of names that the configuration
// does not have.
func (c *Config) Complete(t *poller.TargetSettings) error {
	t.Auth = cmp.Or(t.Auth, c.usualAuth())
	names := slices.Sorted(maps.Keys(c.Auths))
	switch {
	case t.Auth == "":
		return errors.New(nameless(names))
	case c.Auths[t.Auth] == nil:
		return errors.New(missingAuth(t.Auth, names))
	}
	if len(t.Modules) == 0 {
		t.Modules = c.usualModules()
	}
	for _, name := range t.Modules {
		if !c.knowsModule(name) {
			return errors.New(missingModule(name, slices.Concat(slices.Sorted(maps.Keys(c.Modules)), shippedNames())))
		}
	}
	return nil
}
