package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// Discovery is what an SNMPv3 engine tells anybody of itself (RFC 3414 section 4). Nobody vouches for it.
type Discovery struct {
	EngineID []byte
	Boots    int32 // how often the engine has started
	Time     int32 // seconds since it did
}

// Discover asks the target which SNMPv3 engine it is. That takes no credentials. The error is an *Error.
func (t *Target) Discover(ctx context.Context, p Params) (Discovery, error) {
	leave, failed := t.enter(ctx)
	if failed != nil {
		failed.Op, failed.Target = "discover", t.spec.Address
		return Discovery{}, failed
	}
	defer leave()
	o := resolveParams(p, false)
	conn, err := t.dial(ctx, o)
	if err != nil {
		return Discovery{}, &access.Error{Op: "connect", Target: t.spec.Address, Reason: access.SocketReason(err), Err: err}
	}
	defer conn.Close()
	w := &wire{Conn: conn, version: snmp.V3, stats: &mux.Stats{}, metrics: t.client.metrics}
	stop := context.AfterFunc(ctx, func() { w.end(ctx.Err()) })
	defer stop()
	d, e := w.discover(ctx, o)
	if e != nil {
		e.Op, e.Target, e.Err = "discover", t.spec.Address, access.Explained(e.Err, t.address.Network, t.address.Port)
		return d, e
	}
	return d, nil
}

// discover makes one exchange, all attempts of it.
func (w *wire) discover(ctx context.Context, o resolvedParams) (Discovery, *access.Error) {
	nobody, err := (&snmp.User{}).Localize(nil)
	if err != nil {
		return Discovery{}, &access.Error{Reason: access.Credentials, Err: err}
	}
	scoped := snmp.AppendScopedPDU(nil, &snmp.ScopedPDU{PDU: snmp.PDU{Type: snmp.GetRequest}})
	h := snmp.Header3{ID: rand.Int32N(1 << 30), MaxSize: mux.AnnouncedSize, Flags: snmp.FlagReportable}
	buffer := make([]byte, mux.MaxDatagram)
	w.begin(ctx)
	for range o.retries + 1 {
		n := 0
		if err = w.SetDeadline(time.Now().Add(o.timeout)); err == nil {
			_, err = w.Write(nobody.Seal(nil, &h, scoped))
		}
		if err == nil {
			n, err = w.Read(buffer)
		}
		switch m, errParse := snmp.ParseMessage3(buffer[:n]); {
		case ctx.Err() != nil:
			return Discovery{}, mux.OutOfTimeError(ctx, w.answered)
		case err == nil && errParse == nil:
			return Discovery{m.EngineID, m.Boots, m.Time}, nil
		case err != nil && !timedOut(err):
			return Discovery{}, &access.Error{Reason: access.SocketReason(err), Err: err}
		}
		w.retrying = true
		h.ID++
	}
	return Discovery{}, mux.SilenceError(o.retries, w.lastInvalid, false)
}

var errNoReport = errors.New("no Report came of the discovery")
