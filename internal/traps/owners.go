package traps

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"trapline/internal/access"
)

// Target is a device that is polled.
type Target struct {
	Name    string
	Address string // as configured
	Context string // of SNMPv3
	Labels  map[string]string
}

// Owners finds the target that a notification is about.
type Owners struct {
	byAddress  map[netip.Addr][]*Target
	byName     map[string]*Target
	forwarders *Networks
	known      Known
	named      []*Target // that have host names
}

// Known has the knowledge of polls about targets. Its fields may be nil.
type Known struct {
	Engine func(id []byte) (target string) // the target with an SNMPv3 engine, or ""
	Tables *Tables
}

// add adds a target by the address that it is polled at.
func (o *Owners) add(t *Target, a netip.Addr) {
	o.byAddress[a] = append(o.byAddress[a], t)
}

// NewOwners returns the owners: the targets, whose slice must not change, the senders whose snmpTrapAddress is believed, and
// the knowledge of polls. Targets with host names are not found until LookUp.
func NewOwners(targets []Target, forwarders []string, known Known) *Owners {
	if known.Tables == nil {
		known.Tables = &Tables{}
	}
	o := &Owners{byAddress: map[netip.Addr][]*Target{}, byName: map[string]*Target{}, forwarders: NewNetworks(forwarders), known: known}
	for i := range targets {
		t := &targets[i]
		o.byName[t.Name] = t
		a, err := access.ParseAddress(t.Address)
		if err != nil {
			continue
		}
		if ip, err := netip.ParseAddr(a.Host); err == nil {
			o.add(t, ip.Unmap().WithZone(""))
		} else {
			o.named = append(o.named, t)
		}
	}
	return o
}

// Exists reports whether there is a target of that name.
func (o *Owners) Exists(name string) bool { return o.byName[name] != nil }

// Called returns the target of a name, nil if there is none.
func (o *Owners) Called(name string) *Target { return o.byName[name] }

// Has reports whether a target has an address.
func (o *Owners) Has(a netip.Addr) bool {
	return len(o.byAddress[a.Unmap()]) > 0 || o.byTable(a) != nil
}

// Named reports whether targets have host names.
func (o *Owners) Named() bool { return len(o.named) > 0 }

// Addresses yields the addresses of targets.
func (o *Owners) Addresses() iter.Seq[netip.Addr] { return maps.Keys(o.byAddress) }

// Of returns the target that sent a trap, nil if there is none, and the address of the device: that which a forwarder
// names, the agent-addr of SNMPv1, or the sender. A device is also known by its engine ID, and by the addresses in its tables.
func (o *Owners) Of(t *Trap) (*Target, netip.Addr) {
	sender := t.Received.From.Addr().WithZone("")
	forwarded := t.address.IsValid() && o.forwarders.Has(sender)
	if t.address.IsValid() && (t.Received.V1 != nil || forwarded) {
		if found := o.at(t.address, t.Received.Context); found != nil || forwarded {
			return cmp.Or(found, o.byTable(t.address)), t.address
		}
	}
	found := o.at(sender, t.Received.Context)
	if found == nil && len(t.Received.EngineID) > 0 {
		found = o.byEngine(t.Received.EngineID)
	}
	if found == nil && t.Received.V1 != nil && t.address.IsValid() {
		if found = o.byTable(t.address); found != nil {
			return found, t.address
		}
	}
	return cmp.Or(found, o.byTable(sender)), sender
}

// byEngine returns the target with an engine, nil if it is not known.
func (o *Owners) byEngine(id []byte) *Target {
	if o.known.Engine != nil {
		if found := o.byName[o.known.Engine(id)]; found != nil {
			return found
		}
	}
	return o.byName[o.known.Tables.Engine(id)]
}

// byTable returns the target that alone has an address in its tables.
func (o *Owners) byTable(a netip.Addr) *Target { return o.byName[o.known.Tables.Owner(a)] }

// at returns the target at an address. Of several the one with the context is preferred.
func (o *Owners) at(a netip.Addr, context string) *Target {
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

// LookUp returns owners that know the addresses of the targets that have host names.
func (o *Owners) LookUp(ctx context.Context) *Owners {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	next := *o
	next.byAddress = map[netip.Addr][]*Target{}
	for a, list := range o.byAddress {
		if list = slices.DeleteFunc(slices.Clone(list), func(t *Target) bool { return slices.Contains(o.named, t) }); len(list) > 0 {
			next.byAddress[a] = list
		}
	}
	for _, t := range o.named {
		a, err := access.ParseAddress(t.Address)
		if err != nil {
			continue
		}
		list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", a.Host)
		if err != nil {
			continue
		}
		for _, ip := range list[:min(len(list), maxLookedUp)] {
			next.add(t, ip.Unmap())
		}
	}
	return &next
}

// maxLookedUp bounds the addresses of a host name.
const maxLookedUp = 16
