package seek

import (
	"fmt"
	"net/netip"

	"trapline/internal/access"
)

// NoDevice says why an address is that of no device, "" if it may be one: what is sent there goes to all, or to this host.
// Addresses that cannot be parsed are for the settings to report.
func NoDevice(address string) string {
	a, err := access.ParseAddress(address)
	if err != nil {
		return ""
	}
	if a.Port == 0 {
		return fmt.Sprintf("the port of %s is 0", address)
	}
	ip, err := netip.ParseAddr(a.Host)
	if ip = ip.Unmap(); err == nil && (ip.IsUnspecified() || ip.IsMulticast() || ip == broadcast) {
		return a.Host + " is the address of no device"
	}
	return ""
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
