package client

import (
	"cmp"
	"context"
	"net/netip"

	"trapline/internal/access"
	"trapline/internal/conn"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// device is a target that was found, with measurements of its agent. It outlives polls, and is guarded by the
// Mux's mutex.
type device struct {
	peer     *mux.Peer
	secrets  access.Secrets
	capacity capacity
	memory   memory
}

// resolvePeer finds out where the target is. A device at another address or with other credentials is a new one, of which
// nothing is known.
func (t *Target) resolvePeer(ctx context.Context, o *resolvedParams) (*device, *access.Error) {
	secrets, err := t.client.env.Secrets.Secrets(t.conn.Auth)
	if err != nil {
		return nil, &access.Error{Reason: access.Credentials, Err: err}
	}
	address, err := t.conn.LookUp(ctx, o.timeout)
	if err != nil {
		return nil, conn.LookUpError(ctx, err)
	}
	t.mux.Lock()
	defer t.mux.Unlock()
	if err := t.meetLocked(address, secrets); err != nil {
		return nil, &access.Error{Reason: access.Credentials, Err: err}
	}
	d := t.device
	if err := t.mux.ConnectLocked(d.peer, t.conn.Spec.Source, t.conn.Spec.Interface); err != nil {
		return nil, err
	}
	t.mux.BeginPollLocked(d.peer, mux.PollLimits{Window: o.window, Rate: o.rate, Anywhere: o.unconnected})
	d.capacity.relax(t.mux.Now)
	o.batch, o.knownBatch = d.capacity.cap(o.batch), d.capacity.cap(o.knownBatch)
	return d, nil
}

// meetLocked makes the device the one at an address, with the state that is restored if it is a new one.
func (t *Target) meetLocked(address netip.AddrPort, secrets access.Secrets) error {
	if t.device != nil && t.device.peer.Address == address && t.device.secrets == secrets {
		return nil
	}
	peer, err := mux.NewPeer(address, t.conn.Auth, secrets, t.conn.Spec.ContextEngineID, cmp.Or(t.conn.Spec.Context, t.conn.Auth.ContextName))
	if err != nil {
		return err
	}
	t.device = &device{peer: peer, secrets: secrets}
	t.restoreLocked()
	return nil
}

// known returns the statistics of a column or instance that the last poll brought without an error, or nil.
func (d *device) known(oid snmp.OID) *columnStats {
	at, ok := d.memory.find(oid)
	if !ok || d.memory.columns[at].traits != 0 {
		return nil
	}
	return &d.memory.columns[at]
}

// halfAnswer reports whether so many rows, whose bindings have so many octets, take less than half an answer.
func (d *device) halfAnswer(rows, size int) bool {
	return d.capacity.cap(2*rows) == 2*rows && 2*rows*size <= d.peer.PayloadLimit()
}
