package app

import (
	"context"
	"sync"

	"trapline/internal/httpserver"
)

// probes bounds the passes on demand. Devices that answered last time do not wait for those that did not, or were
// never asked: a dead one holds its place until its requests have timed out.
type probes struct {
	live, others *httpserver.Gate

	mu       sync.Mutex
	answered map[string]bool // addresses
}

// maxAnswered bounds the addresses that are remembered.
const maxAnswered = 1 << 16

func (p *probes) enter(ctx context.Context, address string) (leave func(), err error) {
	if p.answers(address) {
		return p.live.Enter(ctx)
	}
	return p.others.Enter(ctx)
}

func (p *probes) answers(address string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answered[address]
}

// note remembers whether a device answered. Where too many did, some are forgotten.
func (p *probes) note(address string, answered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !answered {
		delete(p.answered, address)
		return
	}
	if p.answered == nil {
		p.answered = map[string]bool{}
	}
	for other := range p.answered {
		if len(p.answered) < maxAnswered {
			break
		}
		delete(p.answered, other)
	}
	p.answered[address] = true
}
