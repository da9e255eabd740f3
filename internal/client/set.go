package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// SetError is the refusal of a device to set objects.
type SetError struct {
	Status snmp.ErrorStatus
	Index  int // of the binding that Status speaks of, from 0; -1 where it speaks of none
}

func (e *SetError) Error() string { return fmt.Sprintf("agent answers %s", e.Status) }

var errSetTransport = errors.New("objects are set over UDP, by Trapline's own engine")

// Set writes instances in one request, which the device takes as a whole or not at all (RFC 3416 section
// 4.2.5), and returns the bindings of its answer. A request that is not answered is sent again, as Params say,
// and may have been carried out. The error is an *Error, around a *SetError where the device refuses.
//
// It is for people at a command line: nothing that runs by itself may call it.
func (t *Target) Set(ctx context.Context, p Params, list []snmp.VarBind) ([]snmp.VarBind, error) {
	failed := func(e *access.Error) error {
		e.Op, e.Target = "set", t.conn.Spec.Address
		return e
	}
	if !t.viaMux() {
		return nil, failed(&access.Error{Reason: access.Unreachable, Err: errSetTransport})
	}
	w := &pass{target: t.conn.Spec.Address, metrics: t.client.metrics, resolvedParams: resolveParams(p, t.conn.Auth.Version == 1), stats: &mux.Stats{Progress: mux.ProgressOf(ctx)}}
	w.alone = true
	d, e := t.resolvePeer(ctx, &w.resolvedParams)
	if e != nil {
		return nil, failed(e)
	}
	r := mux.Request{PDU: snmp.SetRequest, Values: list}
	for _, v := range list {
		r.OIDs = append(r.OIDs, v.Name)
	}
	x := &muxExchanger{mux: t.mux, pass: w, device: d}
	a, e := x.Exchange(ctx, r)
	switch {
	case e != nil:
		return nil, failed(e)
	case a.Status == mux.AuthorizationError:
		return nil, failed(&access.Error{Reason: access.Authorization, Err: setError(a, len(list))})
	case a.Status != snmp.NoError:
		return nil, failed(&access.Error{Reason: access.ErrorStatus, Err: setError(a, len(list))})
	}
	return slices.Clone(a.VarBinds), nil
}

func setError(a mux.Answer, bindings int) *SetError {
	if a.Index < 1 || a.Index > bindings {
		return &SetError{a.Status, -1}
	}
	return &SetError{a.Status, a.Index - 1}
}
