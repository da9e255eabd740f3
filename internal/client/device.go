package client

import (
	"cmp"
	"context"

	"trapline/internal/access"
)

// device is a target that was found, with what was measured of its agent. It outlives polls, and is guarded by the
// pipe's mutex.
type device struct {
	peer     *peer
	secrets  access.Secrets
	capacity capacity
	memory   memory
}

// meet finds out where the target is. A device at another address or with other credentials is a new one, of which
// nothing is known.
func (t *Target) meet(ctx context.Context, o *settled) (*device, *access.Error) {
	secrets, err := t.client.secrets.Secrets(t.auth)
	if err != nil {
		return nil, &access.Error{Reason: access.Credentials, Err: err}
	}
	address, err := t.lookUp(ctx, o.timeout)
	if err != nil {
		return nil, lookUpError(ctx, err)
	}
	t.pipe.lock()
	defer t.pipe.unlock()
	if t.device == nil || t.device.peer.address != address || t.device.secrets != secrets {
		peer, err := newPeer(address, t.auth, secrets, t.spec.ContextEngineID, cmp.Or(t.spec.Context, t.auth.ContextName))
		if err != nil {
			return nil, &access.Error{Reason: access.Credentials, Err: err}
		}
		t.device = &device{peer: peer, secrets: secrets}
		t.restoreLocked()
	}
	d := t.device
	if err := t.pipe.connectLocked(d.peer, t.spec.Source, t.spec.Interface); err != nil {
		return nil, err
	}
	t.pipe.beginPollLocked(d.peer, pollLimits{window: o.window, rate: o.rate, anywhere: o.unconnected})
	d.capacity.relax(t.pipe.now)
	o.batch = d.capacity.cap(o.batch)
	return d, nil
}
