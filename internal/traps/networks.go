package traps

import "net/netip"

// Networks is a set of addresses.
type Networks struct {
	single map[netip.Addr]bool
	ranges []netip.Prefix
}

// NewNetworks returns the set of addresses and networks that are written so. Others than ParsePrefix accepts are left out.
func NewNetworks(list []string) *Networks {
	n := &Networks{single: map[netip.Addr]bool{}}
	for _, text := range list {
		if p, err := ParsePrefix(text); err == nil {
			n.Add(p)
		}
	}
	return n
}

// Add adds a network.
func (n *Networks) Add(p netip.Prefix) {
	if p.IsSingleIP() {
		n.single[p.Addr()] = true
	} else {
		n.ranges = append(n.ranges, p)
	}
}

// Has reports whether an address is in the set.
func (n *Networks) Has(a netip.Addr) bool {
	if n.single[a] {
		return true
	}
	for _, p := range n.ranges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// ParsePrefix parses an address or a network.
func ParsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}
