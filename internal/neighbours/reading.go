package neighbours

import (
	"net/netip"
	"strings"
)

// Protocol is how devices make themselves known to their neighbours.
type Protocol string

// The protocols.
const (
	LLDP Protocol = "lldp"
	CDP  Protocol = "cdp"
)

// Protocols are those that make links, in the order in which they are shown.
var Protocols = []Protocol{LLDP, CDP}

const (
	// MaxNeighbours is how many neighbours of one device are kept.
	MaxNeighbours = 4096
	// maxKeys bounds the addresses and the names by which one device is known.
	maxKeys = 512
	// maxText is how many octets of an ID or a name are kept: the objects have no more.
	maxText = 255
)

// Reading is the answer of a device about itself and its neighbours.
type Reading struct {
	Keys       []string // by which others may name it: see the functions below
	Neighbours []Neighbour
	Partial    bool         // there may be more neighbours
	Addresses  []netip.Addr // of the device itself, sorted
	Near       []Near       // addresses of others, each once for each protocol
}

// Neighbour is a neighbour of a device.
type Neighbour struct {
	Protocol Protocol
	Name     string   // for people
	Keys     []string // by which it may be found
}

// The kinds of keys, which are their first octet.
const (
	chassisKind = 'c' // an LLDP chassis ID with its subtype
	deviceKind  = 'd' // a CDP device ID
	addressKind = 'a' // of its management
	nameKind    = 'n' // sysName
)

// macSubtype and addressSubtype are values of LldpChassisIdSubtype.
const macSubtype, addressSubtype = 4, 5

// chassisKey returns the key of a chassis ID, "" if nothing can be known by it.
func chassisKey(subtype int64, id []byte) string {
	if len(id) == 0 || len(id) > maxText || subtype < 1 || subtype > 7 || subtype == macSubtype && !isMAC(id) {
		return ""
	}
	return string(append([]byte{chassisKind, byte('0' + subtype)}, id...))
}

// isMAC reports whether octets are an address of one station.
func isMAC(id []byte) bool {
	return len(id) == 6 && id[0]&1 == 0 && string(id) != "\x00\x00\x00\x00\x00\x00"
}

func deviceKey(id []byte) string {
	if len(id) == 0 || len(id) > maxText {
		return ""
	}
	return string(append([]byte{deviceKind}, id...))
}

func addressKey(octets []byte) string {
	a, ok := netip.AddrFromSlice(octets)
	if a = a.Unmap(); !ok || !a.IsGlobalUnicast() {
		return ""
	}
	return string(append([]byte{addressKind}, a.AsSlice()...))
}

func nameKey(name []byte) string {
	text := strings.ToLower(strings.TrimSpace(strings.TrimSuffix(string(name), ".")))
	if text == "" || len(text) > maxText {
		return ""
	}
	return string(nameKind) + text
}

// add adds a key to a list, once.
func add(keys []string, key string) []string {
	if key == "" || len(keys) >= maxKeys {
		return keys
	}
	for _, one := range keys {
		if one == key {
			return keys
		}
	}
	return append(keys, key)
}

// exact reports whether a key is of one device alone, wherever it is: not an address, nor a name.
func exact(key string) bool { return key[0] == chassisKind || key[0] == deviceKind }
