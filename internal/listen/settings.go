package listen

import (
	"fmt"
	"net/netip"
	"strings"

	"trapline/internal/access"
	"trapline/internal/setting"
)

// Settings is the section `listen`: the notifications of devices that serve receives.
type Settings struct {
	Addresses  []string `yaml:"addresses,omitempty"`  // [udp|udp4|udp6:]host[:port] to receive at; default port 162
	Auths      []string `yaml:"auths,omitempty"`      // entries of auths whose communities and users are accepted
	Allow      []string `yaml:"allow,omitempty"`      // addresses and networks of senders; default the addresses of targets, and forwarders
	Forwarders []string `yaml:"forwarders,omitempty"` // addresses of senders whose snmpTrapAddress names the device
	Rate       float64  `yaml:"rate,omitempty"`       // notifications a second and sender, after a burst of four times as many; default 500
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
	if !s.Enabled() && len(s.Auths)+len(s.Allow)+len(s.Forwarders) > 0 {
		m.Add("", "listen needs addresses: write addresses: [\"[::]:162\"]")
	}
	if s.Enabled() && len(s.Auths) == 0 {
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
			if _, err := parsePrefix(text); err != nil {
				m.Add(fmt.Sprintf("%s[%d]", name, i), "%q is neither an address nor a network: write as in 192.0.2.7 or 192.0.2.0/24", text)
			}
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
	return access.ParseReceiver(text)
}

// parsePrefix parses an address or a network.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}
