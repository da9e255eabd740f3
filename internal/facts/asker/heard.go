package asker

import (
	"sync"

	"trapline/internal/facts"
	"trapline/internal/poller"
)

// Heard are answers of devices that were polled, until they are taken.
type Heard struct {
	Signal chan struct{} // has a value when there are some

	mu      sync.Mutex
	pending map[Key]*poller.Identity
}

// Key is a target of a list as it was when it answered.
type Key struct{ List, Name, Address, Context string }

// NewHeard returns no answers.
func NewHeard() *Heard {
	return &Heard{Signal: make(chan struct{}, 1), pending: map[Key]*poller.Identity{}}
}

// Add adds the answer of a target. It does not wait.
func (h *Heard) Add(t *poller.Target, id *poller.Identity) {
	h.mu.Lock()
	h.pending[Key{t.List, t.Name, t.Spec.Address, t.Spec.Context}] = id
	h.mu.Unlock()
	select {
	case h.Signal <- struct{}{}:
	default:
	}
}

// Take returns the answers, the last one of each target.
func (h *Heard) Take() map[Key]*poller.Identity {
	h.mu.Lock()
	defer h.mu.Unlock()
	pending := h.pending
	h.pending = map[Key]*poller.Identity{}
	return pending
}

// FactsOf returns the facts that a device answered.
func FactsOf(id *poller.Identity) *facts.Facts {
	f := facts.Facts{SysName: id.SysName, SysDescr: id.SysDescr, SysObjectID: id.SysObjectID, SysLocation: id.SysLocation, SysContact: id.SysContact}
	return f.Lines()
}
