package conn

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"trapline/internal/access"
)

// knownPatience is how long a target whose address is known waits for its name to be resolved again.
const knownPatience = time.Second

// resolved is the address that a target's name last had.
type resolved struct {
	mu      sync.Mutex
	address netip.Addr // the zero Addr while none is known
	failing bool       // the last lookup brought none
}

// LookUp returns where the target is. A name is resolved each time, as addresses change; while that is
// not possible its last address holds.
func (t *Target) LookUp(ctx context.Context, timeout time.Duration) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(t.Address.Host)
	if err != nil {
		a, err = t.resolve(ctx, timeout)
	}
	return netip.AddrPortFrom(matchable(a), t.Address.Port), err
}

func (t *Target) resolve(ctx context.Context, timeout time.Duration) (netip.Addr, error) {
	known := t.resolved.last()
	if known.IsValid() {
		timeout = min(timeout, knownPatience)
	}
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found, err := t.Env.Resolve(bounded, t.family(), t.Address.Host)
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no address", Name: t.Address.Host, IsNotFound: true}
	}
	if err != nil {
		return known, t.unresolved(ctx, known, err)
	}
	return t.resolvedTo(found), nil
}

// family returns the resolver's name of the version of IP that the target's address or its source wants.
func (t *Target) family() string {
	source := t.Spec.Source.Addr()
	switch network := t.Address.Network; {
	case strings.HasSuffix(network, "4"):
		return "ip4"
	case strings.HasSuffix(network, "6"):
		return "ip6"
	case !source.IsValid():
		return "ip"
	case source.Unmap().Is4():
		return "ip4"
	}
	return "ip6"
}

func (r *resolved) last() netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.address
}

// resolvedTo notes the addresses of the target's name and chooses one. Servers list them in changing
// order, and measurements of the target hold for the one that was used so far.
func (t *Target) resolvedTo(found []netip.Addr) netip.Addr {
	r := &t.resolved
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failing {
		t.Env.Logger.Info("the target's name is resolved again", "target", t)
	}
	r.failing = false
	if !slices.ContainsFunc(found, func(a netip.Addr) bool { return a.Unmap() == r.address }) {
		r.address = found[0].Unmap()
	}
	return r.address
}

// unresolved handles a lookup that failed. It returns no error if an address is known.
func (t *Target) unresolved(ctx context.Context, known netip.Addr, err error) error {
	if ctx.Err() == context.Canceled {
		return err
	}
	t.Env.Metrics.Unresolved()
	if !known.IsValid() {
		return err
	}
	r := &t.resolved
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.failing {
		t.Env.Logger.Warn("the target's name cannot be resolved: its last address is used", "target", t, "address", known, "err", err)
	}
	r.failing = true
	return nil
}

// LookUpError is the failure of a target without an address.
func LookUpError(ctx context.Context, err error) *access.Error {
	if ctx.Err() == context.Canceled {
		return &access.Error{Reason: access.Canceled, Err: err}
	}
	return &access.Error{Reason: access.SocketReason(err), Err: err}
}

// matchable is an address as it stands on answers: with the name of the interface as its zone where it
// is link-local, and without a zone elsewhere.
func matchable(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if a.Zone() == "" {
		return a
	}
	if !a.IsLinkLocalUnicast() {
		return a.WithZone("")
	}
	n, err := strconv.Atoi(a.Zone())
	if err != nil {
		return a
	}
	i, err := net.InterfaceByIndex(n)
	if err != nil {
		return a
	}
	return a.WithZone(i.Name)
}
