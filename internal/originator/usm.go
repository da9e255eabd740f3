package originator

import (
	"sync"
	"time"

	"trapline/internal/snmp"
)

// keyPool is a pool of the localized keys of a user for one engine. Each goroutine that seals messages takes a Security
// and puts it back, so that keys are localized only as often as there are concurrent users.
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

// peerEngine is the state that a sender keeps of its receiver's engine, which is authoritative for informs. The state
// belongs to the address: a receiver that is replaced has another engine ID or other boots.
type peerEngine struct {
	fixed []byte // the configured engine ID; empty if it is discovered

	mu    sync.Mutex
	known *knownEngine // nil until it is discovered
}

type knownEngine struct {
	keyPool

	clockMu sync.Mutex
	clock   snmp.EngineClock
}

// get returns the engine, or nil if it has to be discovered.
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

// forget makes the next inform discover the engine again, unless another one has done so.
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

func (k *knownEngine) check(o *snmp.Opened, at time.Duration) error {
	k.clockMu.Lock()
	defer k.clockMu.Unlock()
	return k.clock.Check(o, at)
}

func (k *knownEngine) takeReport(o *snmp.Opened, resynced bool, at time.Duration) snmp.ReportVerdict {
	k.clockMu.Lock()
	defer k.clockMu.Unlock()
	return k.clock.TakeReport(o, true, resynced, at)
}
