package listen

import (
	"context"
	"net"
	"net/netip"
	"time"

	"trapline/internal/access"
)

// Target is a device that is polled.
type Target struct {
	Name    string
	Address string // as configured
	Context string // of SNMPv3
	Labels  map[string]string

	ip netip.Addr // of Address; invalid if it has none
}

// owners finds the target that a notification is about.
type owners struct {
	byAddress  map[netip.Addr][]*Target
	byName     map[string]*Target
	forwarders *networks
	engine     func(id []byte) (target string)
}

// add adds a target by the address that it is polled at.
func (o *owners) add(t *Target, a netip.Addr) {
	t.ip = a
	o.byAddress[a] = append(o.byAddress[a], t)
}

// newOwners returns the owners, and the targets whose addresses are host names.
func newOwners(c *Configuration) (o *owners, named []*Target) {
	o = &owners{byAddress: map[netip.Addr][]*Target{}, byName: map[string]*Target{}, forwarders: newNetworks(c.Settings.Forwarders), engine: c.Engine}
	for i := range c.Targets {
		t := &c.Targets[i]
		o.byName[t.Name] = t
		a, err := access.ParseAddress(t.Address)
		if err != nil {
			continue
		}
		if ip, err := netip.ParseAddr(a.Host); err == nil {
			o.add(t, ip.Unmap().WithZone(""))
		} else {
			named = append(named, t)
		}
	}
	return o, named
}

// of returns the target that sent a trap, nil if there is none, and the address of the device: that which a forwarder
// names, the agent-addr of SNMPv1, or the sender. A device is also known by its engine ID.
func (o *owners) of(t *Trap) (*Target, netip.Addr) {
	sender := t.Received.From.Addr().WithZone("")
	forwarded := t.address.IsValid() && o.forwarders.has(sender)
	if t.address.IsValid() && (t.Received.V1 != nil || forwarded) {
		if found := o.at(t.address, t.Received.Context); found != nil || forwarded {
			return found, t.address
		}
	}
	found := o.at(sender, t.Received.Context)
	if found == nil && o.engine != nil && len(t.Received.EngineID) > 0 {
		found = o.byName[o.engine(t.Received.EngineID)]
	}
	return found, sender
}

// at returns the target at an address. Of several the one with the context is preferred.
func (o *owners) at(a netip.Addr, context string) *Target {
	list := o.byAddress[a.Unmap()]
	for _, t := range list {
		if t.Context == context {
			return t
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	return nil
}

// lookupTime bounds how long the addresses of host names are looked up.
const lookupTime = 30 * time.Second

// lookUp returns the addresses of targets that have host names.
func lookUp(ctx context.Context, named []*Target) map[*Target]netip.Addr {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found := map[*Target]netip.Addr{}
	for _, t := range named {
		a, err := access.ParseAddress(t.Address)
		if err != nil {
			continue
		}
		list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", a.Host)
		if err == nil && len(list) > 0 {
			found[t] = list[0].Unmap()
		}
	}
	return found
}
