// Package assign gives targets of lists their settings, by what they are and by what their devices report.
package assign

import (
	"net/netip"

	"trapline/internal/access"
	"trapline/internal/facts"
	"trapline/internal/poller"
	"trapline/internal/setting"
)

// Assignment is an entry of `assign`: settings for targets of lists. Each entry that matches adds those that are not set.
type Assignment struct {
	Match Match `yaml:"match,omitempty"` // which targets; default all
	Set   Set   `yaml:"set"`             // their settings
}

// Match has conditions, all of which hold. Those by facts hold once the device has answered.
type Match struct {
	Address     string                            `yaml:"address,omitempty"`     // network, such as 10.1.0.0/16, or address
	SysObjectID setting.OID                       `yaml:"sysObjectID,omitempty"` // beginning of the device's sysObjectID, in whole numbers: 1.3.6.1.4.1.9 is all of Cisco
	SysDescr    setting.AnchoredRegexp            `yaml:"sysDescr,omitempty"`    // expression that sysDescr matches as a whole; line feeds of it are spaces
	Profile     string                            `yaml:"profile,omitempty"`     // profile of the device, by sysObjectID and sysDescr
	Labels      map[string]setting.AnchoredRegexp `yaml:"labels,omitempty"`      // expressions that labels match as a whole
}

// Set has settings of targets. Name and labels may have facts about the device in them, as "{{ .sysName }}".
type Set struct {
	Name     facts.Template            `yaml:"name,omitempty"`     // name of a target that its list does not name; it keeps a name that it got
	Auth     string                    `yaml:"auth,omitempty"`     // entry of auths
	Modules  []string                  `yaml:"modules,omitempty"`  // entries of modules, shipped modules or auto
	Interval setting.Duration          `yaml:"interval,omitempty"` // how often it is polled
	Labels   map[string]facts.Template `yaml:"labels,omitempty"`   // labels of all its series and alarms
}

// Problems returns the errors in the condition.
func (m *Match) Problems() []setting.Problem {
	var p setting.Problems
	if _, err := m.network(); err != nil {
		p.Add("address", "%q is neither a network such as 10.1.0.0/16 nor an address", m.Address)
	}
	if name, named := m.SysObjectID.Named(); named {
		p.Add("sysObjectID", "%q is a name: write numbers such as 1.3.6.1.4.1.9", name)
	}
	return p
}

func (m *Match) network() (netip.Prefix, error) {
	if m.Address == "" {
		return netip.Prefix{}, nil
	}
	if a, err := netip.ParseAddr(m.Address); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(m.Address)
	return p.Masked(), err
}

// matches reports whether a target meets the conditions that need no answer. A name that DNS resolves meets none on the address.
func (m *Match) matches(t *poller.TargetSettings) bool {
	if network, err := m.network(); err != nil || m.Address != "" && !contains(network, t.Address) {
		return false
	}
	for name, want := range m.Labels {
		if !want.MatchString(t.Labels[name]) {
			return false
		}
	}
	return true
}

func contains(network netip.Prefix, address string) bool {
	parsed, err := access.ParseAddress(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(parsed.Host)
	return err == nil && network.Contains(ip.Unmap().WithZone(""))
}
