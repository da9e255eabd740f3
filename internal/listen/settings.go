package listen

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/access"
	"trapline/internal/setting"
	"trapline/internal/traps"
	"trapline/internal/varbind"
)

// Settings is the section `listen`: the notifications of devices that serve receives.
type Settings struct {
	Addresses  []string          `yaml:"addresses,omitempty"`  // [udp|udp4|udp6:]host[:port] to receive at; without a port 162
	Auths      []string          `yaml:"auths,omitempty"`      // entries of auths whose communities and users are accepted
	Agent      []string          `yaml:"agent,omitempty"`      // entries of auths whose requests are answered, read-only: GET, GETNEXT and GETBULK of system, snmpEngine, and the active alarms; default none
	Allow      []string          `yaml:"allow,omitempty"`      // addresses and networks of senders; default the addresses of targets, those in their polled tables, forwarders, and with agent those of receivers
	Forwarders []string          `yaml:"forwarders,omitempty"` // addresses of senders whose snmpTrapAddress names the device
	Repoll     map[string]string `yaml:"repoll,omitempty"`     // what is polled at once after a notification: its row, or its target; default row after linkDown and linkUp, target after coldStart and warmStart; {} for nothing
	Log        LogSettings       `yaml:"log,omitempty"`        // file with all notifications that were taken
	Rate       float64           `yaml:"rate,omitempty"`       // notifications a second and sender, after a burst of four times as many; default 500
}

const (
	defaultRate = 500
	burst       = 4 // seconds of rate
)

// Enabled reports whether notifications are received.
func (s *Settings) Enabled() bool { return len(s.Addresses) > 0 }

// Problems returns the errors in the settings.
func (s *Settings) Problems() []setting.Problem {
	var m setting.Problems
	if !s.Enabled() && len(s.Auths)+len(s.Agent)+len(s.Allow)+len(s.Forwarders) > 0 {
		m.Add("", "listen needs addresses: write addresses: [\"[::]:162\"]")
	}
	if s.Enabled() && len(s.Auths)+len(s.Agent) == 0 {
		m.Add("", "listen needs auths, whose communities and users are accepted: write auths: [NAME]")
	}
	for i, text := range s.Addresses {
		at := fmt.Sprintf("addresses[%d]", i)
		if _, err := parseListen(text); err != nil {
			m.Add(at, "%v", err)
		}
	}
	for name, list := range map[string][]string{"allow": s.Allow, "forwarders": s.Forwarders} {
		for i, text := range list {
			if _, err := traps.ParsePrefix(text); err != nil {
				m.Add(fmt.Sprintf("%s[%d]", name, i), "%q is neither an address nor a network: write as in 192.0.2.7 or 192.0.2.0/24", text)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Repoll)) {
		if what := s.Repoll[name]; what != repollRow && what != repollTarget {
			m.Add("repoll."+name, "%q: write %s or %s", what, repollRow, repollTarget)
		}
	}
	if s.Rate < 0 {
		m.Add("rate", "a rate is a number of notifications a second, and more than 0")
	}
	return m
}

// parseListen parses an address to receive at. A port alone, as in :162, means all addresses.
func parseListen(text string) (access.Address, error) {
	if strings.HasPrefix(text, ":") {
		text = "[::]" + text
	}
	if _, err := strconv.ParseUint(text, 10, 16); err == nil {
		return access.Address{}, fmt.Errorf("%q is no address: for a port of all addresses write \":%s\"", text, text)
	}
	return access.ParseReceiver(text)
}

// Check returns the names in the settings that MIBs do not have.
func (s *Settings) Check(names varbind.Names) []setting.Problem {
	var m setting.Problems
	for _, name := range slices.Sorted(maps.Keys(s.Repoll)) {
		if _, err := names.Pattern(name); err != nil {
			m.Add("repoll."+name, "%v", err)
		}
	}
	return m
}

// newRepolls returns the notifications after which targets are polled.
func newRepolls(s *Settings, names varbind.Names) (r repolls) {
	of := s.Repoll
	if of == nil {
		of, names = defaultRepolls, nil
	}
	for name, what := range of {
		p, err := names.Pattern(name)
		switch {
		case err != nil: // which Check reports
		case what == repollRow:
			r.rows = append(r.rows, p)
		default:
			r.targets = append(r.targets, p)
		}
	}
	return r
}
