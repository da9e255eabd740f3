package anonymize

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"strings"

	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/smi"
)

const macSize = 6

func isMAC(n *mibs.Node) bool {
	return n.Syntax != nil && (n.Syntax.TC == "MacAddress" || n.Syntax.TC == "PhysAddress" || n.FixedSize() == macSize && n.Syntax.Hint == "1x:")
}

func isAddress(n *mibs.Node) bool {
	return n.Syntax != nil && (n.Syntax.Type == smi.IPAddress || strings.HasPrefix(n.Syntax.TC, "InetAddress") && n.Syntax.Type == smi.OctetString)
}

// sum returns the keyed hash of a value of a kind.
func (a *Anonymizer) sum(kind string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, a.key)
	h.Write([]byte(kind))
	for _, p := range parts {
		h.Write([]byte{0})
		h.Write(p)
	}
	return h.Sum(nil)
}

func (a *Anonymizer) cached(kind string, octets []byte, made func() []byte) []byte {
	key := kind + string(octets)
	if b, ok := a.cache[key]; ok {
		return b
	}
	b := made()
	a.cache[key] = b
	return b
}

// address replaces an Internet address of 4 or 16 octets, or of 8 or 20 with a zone: two addresses with a common
// prefix have replacements with a common prefix of that length. Masks, and addresses that mean the same everywhere,
// stay.
func (a *Anonymizer) address(octets []byte) []byte {
	zone := []byte(nil)
	if len(octets) == 8 || len(octets) == 20 {
		octets, zone = octets[:len(octets)-4], octets[len(octets)-4:]
	}
	ip, ok := netip.AddrFromSlice(octets)
	if !ok || everywhere(ip, octets) {
		return append(bytes.Clone(octets), zone...)
	}
	out := a.cached("address", octets, func() []byte {
		out := bytes.Clone(octets)
		for bit := range 8 * len(octets) {
			flip := a.sum("prefix", []byte{byte(bit)}, prefix(octets, bit))[0] & 1
			out[bit/8] ^= flip << (7 - bit%8)
		}
		return out
	})
	return append(bytes.Clone(out), zone...)
}

// prefix returns the first bits of an address; the others are 0.
func prefix(octets []byte, bits int) []byte {
	p := bytes.Clone(octets[:bits/8])
	if rest := bits % 8; rest > 0 {
		p = append(p, octets[bits/8]&^(0xff>>rest))
	}
	return p
}

// everywhere reports whether an address is a mask, or means the same in each network: unspecified, loopback,
// multicast, broadcast, link-local.
func everywhere(ip netip.Addr, octets []byte) bool {
	return ip.IsUnspecified() || ip.IsLoopback() || ip.IsMulticast() || octets[0] >= 240 && len(octets) == 4 || octets[0] == 0 || isMask(octets)
}

func isMask(octets []byte) bool {
	if len(octets) != 4 || octets[0] != 0xff {
		return false
	}
	seen := false
	for bit := range 32 {
		set := octets[bit/8]&(128>>(bit%8)) != 0
		if set && seen {
			return false
		}
		seen = seen || !set
	}
	return true
}

// moves reports whether a MAC address is replaced by another one.
func moves(octets []byte) bool {
	return octets[0]&1 == 0 && !bytes.Equal(octets, make([]byte, macSize))
}

// mac replaces the last three octets of a MAC address: the first three are its vendor's. Group addresses and zero stay.
func (a *Anonymizer) mac(octets []byte) []byte {
	if !moves(octets) {
		return bytes.Clone(octets)
	}
	return bytes.Clone(a.cached("mac", octets, func() []byte {
		return append(bytes.Clone(octets[:3]), a.sum("mac", octets)[:3]...)
	}))
}

// engineID replaces an SNMP engine ID (RFC 3411 section 5): the enterprise and the format stay.
func (a *Anonymizer) engineID(octets []byte) []byte {
	const head = 5
	out := bytes.Clone(octets)
	if len(out) <= head {
		return out
	}
	rest := out[head:]
	switch {
	case out[4] == 3 && len(rest) == macSize:
		copy(rest, a.mac(rest))
	case (out[4] == 1 && len(rest) == 4) || (out[4] == 2 && len(rest) == 16):
		copy(rest, a.address(rest))
	default:
		copy(rest, a.sum("engine ID", octets))
	}
	return out
}

// name replaces the addresses in the index of an instance: those that the MIBs name, and numbers that are those of an
// address of the recording.
func (a *Anonymizer) name(name snmp.OID, instance mibs.Instance) snmp.OID {
	index := []byte(name[min(1, len(name)):]) // the first octet holds two numbers
	if instance.Node != nil {
		index = instance.Index
	}
	arcs := snmp.Arcs(index)
	known := make([]bool, len(arcs))
	if instance.Node != nil {
		for _, part := range instance.Node.IndexValues(index) {
			if a.replaceArcs(arcs[part.Start:part.End], part.Part.Node) {
				for i := part.Start; i < part.End; i++ {
					known[i] = true
				}
			}
		}
	}
	a.replaceKnown(arcs, known)
	a.replaceText(arcs)
	out := bytes.Clone(name[:len(name)-len(index)])
	for _, arc := range arcs {
		out = snmp.AppendArc(out, arc)
	}
	return out
}

// replaceArcs replaces a part of an index that is an address or a MAC by its syntax, and reports whether it was.
func (a *Anonymizer) replaceArcs(arcs []uint32, n *mibs.Node) bool {
	octets, ok := octetsOf(arcs)
	if n == nil || !ok {
		return false
	}
	switch {
	case isAddress(n):
		octets = a.address(octets)
	case isMAC(n) && len(octets) == macSize:
		octets = a.mac(octets)
	default:
		return false
	}
	for i, c := range octets {
		arcs[i] = uint32(c)
	}
	return true
}

// replaceKnown replaces numbers that are those of an address or a MAC of the recording.
func (a *Anonymizer) replaceKnown(arcs []uint32, known []bool) {
	for i := 0; i < len(arcs); i++ {
		for _, k := range []struct {
			size  int
			of    map[string]bool
			other func([]byte) []byte
		}{{macSize, a.macs, a.mac}, {4, a.ips, a.address}} {
			if i+k.size > len(arcs) || known[i] || known[i+k.size-1] {
				continue
			}
			octets, ok := octetsOf(arcs[i : i+k.size])
			if !ok || !k.of[string(octets)] {
				continue
			}
			for j, c := range k.other(octets) {
				arcs[i+j] = uint32(c)
			}
			i += k.size - 1
			break
		}
	}
}

// replaceText replaces identities within the texts of an index: those of as many printable characters as identify.
func (a *Anonymizer) replaceText(arcs []uint32) {
	for from := 0; from < len(arcs); {
		to := from
		for to < len(arcs) && arcs[to] >= ' ' && arcs[to] < 0x7f {
			to++
		}
		if octets, ok := octetsOf(arcs[from:to]); ok && len(octets) >= minToken {
			for i, c := range []byte(a.texts.known(string(octets))) {
				arcs[from+i] = uint32(c)
			}
		}
		from = to + 1
	}
}

func octetsOf(arcs []uint32) ([]byte, bool) {
	octets := make([]byte, len(arcs))
	for i, arc := range arcs {
		if arc > 0xff {
			return nil, false
		}
		octets[i] = byte(arc)
	}
	return octets, len(arcs) > 0
}
