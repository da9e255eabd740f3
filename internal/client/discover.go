package client

import (
	"context"

	"trapline/internal/access"
	"trapline/internal/conn"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// Discover asks the target which SNMPv3 engine it is. That takes no credentials. The error is an *Error.
func (t *Target) Discover(ctx context.Context, p Params) (conn.Discovery, error) {
	leave, failed := t.enter(ctx)
	if failed != nil {
		failed.Op, failed.Target = "discover", t.conn.Spec.Address
		return conn.Discovery{}, failed
	}
	defer leave()
	o := resolveParams(p, false)
	c, err := t.conn.Dial(ctx, o.limits())
	if err != nil {
		return conn.Discovery{}, &access.Error{Op: "connect", Target: t.conn.Spec.Address, Reason: access.SocketReason(err), Err: err}
	}
	defer c.Close()
	w := conn.NewWire(c, snmp.V3, &mux.Stats{}, t.client.metrics)
	stop := context.AfterFunc(ctx, func() { w.End(ctx.Err()) })
	defer stop()
	d, e := w.Discover(ctx, o.limits())
	if e != nil {
		e.Op, e.Target, e.Err = "discover", t.conn.Spec.Address, access.Explained(e.Err, t.conn.Address.Network, t.conn.Address.Port)
		return d, e
	}
	return d, nil
}
