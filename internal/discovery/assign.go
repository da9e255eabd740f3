package discovery

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"trapline/internal/access"
	"trapline/internal/poller"
	"trapline/internal/setting"
)

// Assignment is an entry of `assign`: settings for targets of lists. Each entry that matches adds those that are not set.
type Assignment struct {
	Match Match `yaml:"match,omitempty"` // which targets; default all
	Set   Set   `yaml:"set"`             // their settings
}

// Match has conditions, all of which hold.
type Match struct {
	Address string                            `yaml:"address,omitempty"` // network, such as 10.1.0.0/16, or address
	Labels  map[string]setting.AnchoredRegexp `yaml:"labels,omitempty"`  // expressions that labels match as a whole
}

// Set has settings of targets.
type Set struct {
	Auth     string            `yaml:"auth,omitempty"`     // entry of auths
	Modules  []string          `yaml:"modules,omitempty"`  // entries of modules, shipped modules or auto
	Interval setting.Duration  `yaml:"interval,omitempty"` // how often it is polled
	Labels   map[string]string `yaml:"labels,omitempty"`   // labels of all its series and alarms
}

// Problems returns the errors in the condition.
func (m *Match) Problems() []setting.Problem {
	var p setting.Problems
	if _, err := m.network(); err != nil {
		p.Add("address", "%q is neither a network such as 10.1.0.0/16 nor an address", m.Address)
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

// matches reports whether a target meets all conditions. A name that DNS resolves meets none on the address.
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

// assign adds the settings of all entries that match.
func assign(list []Assignment, t *poller.TargetSettings) error {
	labels := maps.Clone(t.Labels)
	for i := range list {
		a := &list[i]
		if !a.Match.matches(t) {
			continue
		}
		t.Auth = cmp.Or(t.Auth, a.Set.Auth)
		t.Interval.Duration = cmp.Or(t.Interval.Duration, a.Set.Interval.Duration)
		if len(t.Modules) == 0 {
			t.Modules = slices.Clone(a.Set.Modules)
		}
		for name, value := range a.Set.Labels {
			if _, ok := labels[name]; !ok {
				labels[name] = value
			}
		}
	}
	if len(labels) > maxLabels {
		return refuse(rejectLabels, "it has more than %d labels", maxLabels)
	}
	t.Labels = labels
	return nil
}
