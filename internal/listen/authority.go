package listen

import (
	"fmt"
	"maps"
	"slices"

	"trapline/internal/access"
	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// authorityOf returns the communities and users of the auths that the settings name.
func authorityOf(c *Configuration) (*originator.Authority, error) {
	a := &originator.Authority{Communities: map[string]bool{}, Users: map[string]*snmp.User{}, Identity: c.Identity}
	if err := c.principals("auths", c.Settings.Auths, a.Communities, a.Users); err != nil {
		return nil, err
	}
	if len(c.Settings.Agent) == 0 {
		return a, nil
	}
	if c.Identity == nil {
		return nil, fmt.Errorf("listen.agent needs a state_dir, which has snmpEngineID and the alarms")
	}
	a.Agent = &originator.Agent{Communities: map[string]bool{}, Users: map[string]*snmp.User{}}
	if err := c.principals("agent", c.Settings.Agent, a.Agent.Communities, a.Agent.Users); err != nil {
		return nil, err
	}
	if name := ambiguous(a.Users, a.Agent.Users); name != "" {
		return nil, fmt.Errorf("listen.agent: %s", errAmbiguous(name))
	}
	return a, nil
}

// ambiguous returns the first user that two sets have with different keys, or "". Of one name the engine has one user
// (RFC 3414 section 2.1).
func ambiguous(users, others map[string]*snmp.User) string {
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if other := users[name]; other != nil && !same(other, others[name]) {
			return name
		}
	}
	return ""
}

func same(a, b *snmp.User) bool {
	return a.Auth == b.Auth && a.Priv == b.Priv && a.AuthKey.Equal(b.AuthKey) && a.PrivKey.Equal(b.PrivKey)
}

func errAmbiguous(user string) string {
	return fmt.Sprintf("user %s is in listen.auths with another level, password or protocol: write one of the auths in both", user)
}

// Ambiguous returns the error of settings that name a user with different keys, or "". Auths that are unknown, or have
// errors, are reported elsewhere.
func Ambiguous(s *Settings, auths map[string]*access.Auth) string {
	of := func(names []string) map[string]*snmp.User {
		users := map[string]*snmp.User{}
		for _, name := range names {
			if auth := auths[name]; auth != nil {
				if p, err := auth.Principal(); err == nil && p.Version == snmp.V3 {
					users[p.User.Name] = p.User
				}
			}
		}
		return users
	}
	if name := ambiguous(of(s.Auths), of(s.Agent)); name != "" {
		return errAmbiguous(name)
	}
	return ""
}

// principals adds the communities and users of auths that a key of the settings names.
func (c *Configuration) principals(key string, names []string, communities map[string]bool, users map[string]*snmp.User) error {
	for _, name := range names {
		auth := c.Auths[name]
		if auth == nil {
			return fmt.Errorf("listen.%s: there is no auth %q", key, name)
		}
		p, err := auth.Principal()
		switch {
		case err != nil:
			return fmt.Errorf("listen.%s: auth %s: %w", key, name, err)
		case p.Version != snmp.V3:
			communities[string(p.Community)] = true
		case c.Identity == nil:
			return fmt.Errorf("listen.%s: auth %s is of SNMPv3, which needs a state_dir for snmpEngineBoots", key, name)
		default:
			users[p.User.Name] = p.User
		}
	}
	return nil
}
