package poller

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Prober makes passes on demand. Requests that want the same at the same time share one pass.
type Prober struct {
	Options PassOptions

	mu     sync.Mutex
	probes map[string]*probe
}

// probe is a pass in flight. It is canceled when nobody waits for it.
type probe struct {
	done    chan struct{}
	pass    *Pass // set before done is closed
	waiters int
	cancel  context.CancelFunc
}

// Probe makes a pass over t, or joins one under way, and returns it, or the reason why ctx ended
// first.
func (p *Prober) Probe(ctx context.Context, t *Target) (*Pass, error) {
	key := t.key()
	f := p.join(ctx, key, t)
	select {
	case <-f.done:
		return f.pass, nil
	case <-ctx.Done():
		p.leave(key, f)
		return nil, fmt.Errorf("no complete answer from target %s: %w", t.Spec.Address, context.Cause(ctx))
	}
}

func (p *Prober) join(ctx context.Context, key string, t *Target) *probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.probes[key]; f != nil {
		f.waiters++
		return f
	}
	if p.probes == nil {
		p.probes = map[string]*probe{}
	}
	f := &probe{done: make(chan struct{}), waiters: 1}
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.probes[key] = f
	go func() {
		defer f.cancel()
		f.pass = p.Options.Run(ctx, t, true)
		p.remove(key, f)
		close(f.done)
	}()
	return f
}

func (p *Prober) remove(key string, f *probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.probes[key] == f {
		delete(p.probes, key)
	}
}

// leave stops waiting. The last to leave cancels the pass.
func (p *Prober) leave(key string, f *probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.cancel()
		if p.probes[key] == f {
			delete(p.probes, key)
		}
	}
}

// key is equal for targets of which one pass serves all.
func (t *Target) key() string {
	parts := []string{t.Spec.Address, t.AuthName, t.Spec.Context, t.Spec.ContextEngineID, t.Spec.Source.String(), fmt.Sprintf("%+v", t.Params)}
	return strings.Join(append(parts, t.ModuleNames()...), "\x00")
}
