package originator

import (
	"sync"
	"time"

	"trapline/internal/snmp"
)

// keyPool are the keys of a user for one engine. Who seals messages takes a Security of his own and
// gives it back, so that the keys are made once for as many as are at it at the same time.
type keyPool struct {
	user *snmp.User
	id   []byte

	mu   sync.Mutex
	free []*snmp.Security
}

func (k *keyPool) get() (*snmp.Security, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.free); n > 0 {
		s := k.free[n-1]
		k.free = k.free[:n-1]
		return s, nil
	}
	return k.user.Localize(k.id)
}

func (k *keyPool) put(s *snmp.Security) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.free = append(k.free, s)
}

// peerEngine is what a sender knows of its receiver's engine, which is authoritative for informs. It
// belongs to the address: a receiver that is replaced there has another engine ID, or other boots.
type peerEngine struct {
	fixed []byte // the engine ID that the user set; empty means: ask for it

	mu    sync.Mutex
	known *knownEngine // nil while it has to be asked for
}

type knownEngine struct {
	keyPool

	clockMu sync.Mutex
	clock   snmp.EngineClock
}

// get gives the engine if it is known.
func (p *peerEngine) get(user *snmp.User) *knownEngine {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil && len(p.fixed) > 0 {
		p.known = &knownEngine{keyPool: keyPool{user: user, id: p.fixed}}
	}
	return p.known
}

func (p *peerEngine) set(k *knownEngine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = k
}

// forget makes the next inform ask again, unless another has done so already.
func (p *peerEngine) forget(k *knownEngine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == k && len(p.fixed) == 0 {
		p.known = nil
	}
}

func (k *knownEngine) now(at time.Duration) (boots, seconds int32) {
	k.clockMu.Lock()
	defer k.clockMu.Unlock()
	return k.clock.Now(at)
}

func (k *knownEngine) update(o *snmp.Opened, at time.Duration) bool {
	k.clockMu.Lock()
	defer k.clockMu.Unlock()
	return k.clock.Update(o.Boots, o.Time, at)
}

func (k *knownEngine) reset(o *snmp.Opened, at time.Duration) {
	k.clockMu.Lock()
	defer k.clockMu.Unlock()
	k.clock.Adopt(o.Boots, o.Time, at)
}
