package sweep

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// The bounds of a range.
const (
	MaxAddresses = 1_000_000
	maxBlocks    = 1 << 16
)

// blockSize is how many addresses a block has: a network of 24 bits, or of 120 with IPv6.
const blockSize = 256

// block is which addresses of a network belong to the range.
type block struct {
	base netip.Addr
	has  [blockSize / 64]uint64
}

// Range is a set of addresses.
type Range struct {
	blocks []block // sorted
	index  map[netip.Addr]int
	size   int
}

var errTooLarge = fmt.Errorf("the networks have more than %d addresses: scan smaller ones", MaxAddresses)

// NewRange returns the addresses of networks, without those of excluded ones, and without the first and the last of IPv4
// networks, which are no hosts.
func NewRange(networks, exclude []netip.Prefix) (*Range, error) {
	r := &Range{index: map[netip.Addr]int{}}
	left := MaxAddresses
	for _, n := range networks {
		n = n.Masked()
		width := n.Addr().BitLen() - n.Bits()
		if width > 20 || 1<<width > left {
			return nil, errTooLarge
		}
		left -= 1 << width
		if err := r.add(n, width > 1 && n.Addr().Is4()); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(r.blocks, func(a, b block) int { return a.base.Compare(b.base) })
	for i := range r.blocks {
		b := &r.blocks[i]
		r.index[b.base] = i
		for host := range blockSize {
			if b.contains(host) && excluded(exclude, b.address(host)) {
				b.has[host/64] &^= 1 << (host % 64)
			}
			if b.contains(host) {
				r.size++
			}
		}
	}
	if r.size == 0 {
		return nil, errors.New("the networks have no address that is not excluded")
	}
	return r, nil
}

// add adds a network; with edges it has a network and a broadcast address.
func (r *Range) add(n netip.Prefix, edges bool) error {
	for a := n.Addr(); a.IsValid() && n.Contains(a); a = a.Next() {
		if edges && (a == n.Addr() || !n.Contains(a.Next())) {
			continue
		}
		base, host := split(a)
		i, ok := r.index[base]
		if !ok {
			if len(r.blocks) == maxBlocks {
				return errTooLarge
			}
			i = len(r.blocks)
			r.index[base] = i
			r.blocks = append(r.blocks, block{base: base})
		}
		r.blocks[i].has[host/64] |= 1 << (host % 64)
	}
	return nil
}

func excluded(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

func split(a netip.Addr) (base netip.Addr, host int) {
	octets := a.AsSlice()
	last := len(octets) - 1
	host = int(octets[last])
	octets[last] = 0
	base, _ = netip.AddrFromSlice(octets)
	return base, host
}

func (b *block) contains(host int) bool { return b.has[host/64]>>(host%64)&1 != 0 }

func (b *block) address(host int) netip.Addr {
	octets := b.base.AsSlice()
	octets[len(octets)-1] = byte(host)
	a, _ := netip.AddrFromSlice(octets)
	return a
}

// Size returns the number of addresses.
func (r *Range) Size() int { return r.size }

// Blocks returns the number of networks of 24 (IPv6: 120) bits that the addresses lie in.
func (r *Range) Blocks() int { return len(r.blocks) }

// Contains reports whether an address belongs to the range.
func (r *Range) Contains(a netip.Addr) bool {
	base, host := split(a)
	i, ok := r.index[base]
	return ok && r.blocks[i].contains(host)
}

// Order is a range in an order that a key draws: one address of each block after the other, so that a block is asked
// evenly. A position in it is one number.
type Order struct {
	of     *Range
	key    uint64
	blocks permutation
}

// Shuffled returns the range in the order of a key.
func (r *Range) Shuffled(key uint64) *Order {
	return &Order{of: r, key: key, blocks: newPermutation(uint64(len(r.blocks)), mix(key))}
}

// Len returns the number of positions, of which some have no address.
func (o *Order) Len() int { return len(o.of.blocks) * blockSize }

// At returns the address in a position; ok is false if there is none.
func (o *Order) At(position int) (a netip.Addr, ok bool) {
	n := len(o.of.blocks)
	i := int(o.blocks.at(uint64(position % n)))
	hosts := o.hosts(i)
	b, host := &o.of.blocks[i], int(hosts.at(uint64(position/n)))
	if !b.contains(host) {
		return a, false
	}
	return b.address(host), true
}

// Position returns where an address stands.
func (o *Order) Position(a netip.Addr) (position int, ok bool) {
	base, host := split(a)
	i, ok := o.of.index[base]
	if !ok || !o.of.blocks[i].contains(host) {
		return 0, false
	}
	hosts := o.hosts(i)
	return int(hosts.place(uint64(host)))*len(o.of.blocks) + int(o.blocks.place(uint64(i))), true
}

func (o *Order) hosts(i int) permutation { return newPermutation(blockSize, mix(o.key^uint64(i)<<20)) }

// ParseNetworks reads networks and addresses.
func ParseNetworks(texts []string) (list []netip.Prefix, err error) {
	for _, text := range texts {
		n, err := ParseNetwork(text)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// ParseNetwork reads a network such as 192.0.2.0/24, or an address.
func ParseNetwork(text string) (netip.Prefix, error) {
	n, err := netip.ParsePrefix(text)
	if err != nil {
		a, errAddress := netip.ParseAddr(text)
		if errAddress != nil || a.Zone() != "" {
			return n, fmt.Errorf("%q is no network: write an address and how many of its bits are the network's, such as 192.0.2.0/24", text)
		}
		n = netip.PrefixFrom(a, a.BitLen())
	}
	if n.Addr().IsMulticast() || n.Addr().IsUnspecified() {
		return n, fmt.Errorf("%q has no addresses of devices", text)
	}
	if n.Addr().Is4In6() {
		return n, fmt.Errorf("%q is an IPv4 network: write it as such", text)
	}
	return n, nil
}

// Compare orders addresses: IPv4 first, then by number.
func Compare(a, b netip.Addr) int { return cmp.Or(cmp.Compare(a.BitLen(), b.BitLen()), a.Compare(b)) }
