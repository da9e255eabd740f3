package traps

import (
	"net/netip"
	"slices"
	"sync"
)

// Tables knows targets by the addresses that they have beside that which they are polled at: those in their tables of
// addresses, as far as polls read these. It knows those that others poll by their SNMPv3 engines, too. Its methods may be called
// concurrently.
type Tables struct {
	mu      sync.RWMutex
	owners  map[netip.Addr][]string
	of      map[string][]netip.Addr
	engines map[string][]string // targets by engine ID, the last one counts
	engine  map[string]string   // engine IDs by target
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

// SetEngine replaces the engine of a target that others poll.
func (t *Tables) SetEngine(target string, id []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.engine[target] == string(id) {
		return
	}
	t.removeEngine(target)
	if len(id) == 0 {
		return
	}
	if t.engine == nil {
		t.engine, t.engines = map[string]string{}, map[string][]string{}
	}
	t.engine[target], t.engines[string(id)] = string(id), append(t.engines[string(id)], target)
}

func (t *Tables) removeEngine(target string) {
	dropName(t.engines, t.engine[target], target)
	delete(t.engine, target)
}

// Engine returns the target that others poll with an engine, or "".
func (t *Tables) Engine(id []byte) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if names := t.engines[string(id)]; len(names) > 0 {
		return names[len(names)-1]
	}
	return ""
}

// Of returns the addresses of a target, which do not change.
func (t *Tables) Of(target string) []netip.Addr {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.of[target]
}

func (t *Tables) remove(target string) {
	for _, a := range t.of[target] {
		dropName(t.owners, a, target)
	}
	delete(t.of, target)
}

// dropName removes a name from a list, and lists without names.
func dropName[K comparable](lists map[K][]string, of K, name string) {
	if left := slices.DeleteFunc(lists[of], func(other string) bool { return other == name }); len(left) > 0 {
		lists[of] = left
	} else {
		delete(lists, of)
	}
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
	for target := range t.engine {
		if !exists(target) {
			t.removeEngine(target)
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
