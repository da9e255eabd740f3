package listen

import (
	"fmt"
	"reflect"

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
	for name, u := range a.Agent.Users {
		if other := a.Users[name]; other != nil && !reflect.DeepEqual(other, u) {
			return nil, fmt.Errorf("listen.agent: user %s is in listen.auths with another level, password or protocol", name)
		}
	}
	return a, nil
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
