package traps

import (
	"net/netip"
	"slices"
	"sync"
)

// Tables knows targets by the addresses that they have beside that which they are polled at: those in their tables of
// addresses, as far as polls read these. Its methods may be called concurrently.
type Tables struct {
	mu     sync.RWMutex
	owners map[netip.Addr][]string
	of     map[string][]netip.Addr
}

// maxTableAddresses bounds the addresses of a target that are known.
const maxTableAddresses = 1000

// Set replaces the addresses of a target. Those that many devices have, as of loopback, are left out.
func (t *Tables) Set(target string, list []netip.Addr) {
	list = slices.DeleteFunc(list, func(a netip.Addr) bool { return !a.IsGlobalUnicast() })
	slices.SortFunc(list, netip.Addr.Compare)
	list = slices.Compact(list)
	list = slices.Clip(list[:min(len(list), maxTableAddresses)])
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Equal(t.of[target], list) {
		return
	}
	t.remove(target)
	if t.of == nil {
		t.of, t.owners = map[string][]netip.Addr{}, map[netip.Addr][]string{}
	}
	t.of[target] = list
	for _, a := range list {
		t.owners[a] = append(t.owners[a], target)
	}
}

func (t *Tables) remove(target string) {
	for _, a := range t.of[target] {
		if left := slices.DeleteFunc(t.owners[a], func(name string) bool { return name == target }); len(left) > 0 {
			t.owners[a] = left
		} else {
			delete(t.owners, a)
		}
	}
	delete(t.of, target)
}

// Keep forgets the addresses of targets that do not exist.
func (t *Tables) Keep(exists func(target string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for target := range t.of {
		if !exists(target) {
			t.remove(target)
		}
	}
}

// Owner returns the target that has an address, "" if none or several have.
func (t *Tables) Owner(a netip.Addr) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if names := t.owners[a.Unmap()]; len(names) == 1 {
		return names[0]
	}
	return ""
}
