package access

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Address is the network address of a target.
type Address struct {
	Network string // udp, udp4, udp6, tcp, tcp4 or tcp6
	Host    string // name or IP address, without brackets
	Port    uint16
}

// The default ports of agents and of notification receivers.
const defaultPort, defaultReceiverPort = 161, 162

var networks = []string{"udp", "udp4", "udp6", "tcp", "tcp4", "tcp6"}

// ParseAddress parses [transport://]host[:port], the form of snmp_exporter, and
// transport:host[:port], the form of Net-SNMP. An IPv6 address with a port must be in brackets.
func ParseAddress(s string) (Address, error) { return parseAddress(s, defaultPort) }

// ParseReceiver is ParseAddress for receivers of notifications over UDP.
func ParseReceiver(s string) (Address, error) {
	a, err := parseAddress(s, defaultReceiverPort)
	if err == nil && strings.HasPrefix(a.Network, "tcp") {
		return a, fmt.Errorf("address %q: notifications travel by udp, udp4 or udp6", s)
	}
	return a, err
}

func parseAddress(s string, port uint16) (Address, error) {
	a := Address{Network: "udp", Port: port}
	rest := s
	if network, tail, ok := strings.Cut(s, "://"); ok {
		a.Network, rest = network, tail
	} else if network, tail, ok := strings.Cut(s, ":"); ok && slices.Contains(networks, network) {
		a.Network, rest = network, tail
	}
	if !slices.Contains(networks, a.Network) {
		return a, fmt.Errorf("address %q: unknown transport %q: use one of %s", s, a.Network, strings.Join(networks, ", "))
	}
	host, written, err := splitPort(rest)
	if err != nil {
		return a, fmt.Errorf("address %q: %w", s, err)
	}
	a.Host = host
	if written != "" {
		n, err := strconv.ParseUint(written, 10, 16)
		if err != nil {
			return a, fmt.Errorf("address %q: port %q is not a number from 0 to 65535", s, written)
		}
		a.Port = uint16(n)
	}
	if a.Host == "" || strings.ContainsAny(a.Host, "/[] \t") {
		return a, fmt.Errorf("address %q: %q is not a host name or an IP address", s, a.Host)
	}
	if _, err := netip.ParseAddr(a.Host); err != nil && strings.Trim(a.Host, "0123456789.") == "" {
		return a, fmt.Errorf("address %q: %q is not an IP address", s, a.Host) // the last label of a name is not all digits (RFC 1123 section 2.1)
	}
	return a, nil
}

func splitPort(s string) (host, port string, err error) {
	if _, err := netip.ParseAddr(s); err == nil {
		return s, "", nil
	}
	if strings.HasPrefix(s, "[") {
		host, port, ok := strings.Cut(s[1:], "]")
		if !ok || (port != "" && port[0] != ':') {
			return "", "", fmt.Errorf("an opening [ wants ] and then a colon and the port")
		}
		return host, strings.TrimPrefix(port, ":"), nil
	}
	host, port, _ = strings.Cut(s, ":")
	if strings.Contains(port, ":") {
		return "", "", fmt.Errorf("an IPv6 address with a port stands in brackets: [::1]:161")
	}
	return host, port, nil
}

func (a Address) String() string {
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s://%s:%d", a.Network, host, a.Port)
}

// HostPort returns the address in the form of net.Dial.
func (a Address) HostPort() string { return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))) }

// ParseSource parses "address" or "address:port". It returns the zero AddrPort for an empty string.
func ParseSource(s string) (netip.AddrPort, error) {
	if s == "" {
		return netip.AddrPort{}, nil
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.AddrPortFrom(a, 0), nil
	}
	if strings.HasPrefix(s, ":") {
		s = net.JoinHostPort("0.0.0.0", s[1:])
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return a, fmt.Errorf("source address %q: write an IP address, or address:port", s)
	}
	return a, nil
}
