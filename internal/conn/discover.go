package conn

import (
	"context"
	"math/rand/v2"
	"time"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

// Discovery is the answer of an SNMPv3 engine to a discovery (RFC 3414 section 4). It is not authenticated.
type Discovery struct {
	EngineID []byte
	Boots    int32 // how often the engine has started
	Time     int32 // seconds since it did
}

// Discover asks for the engine ID, in one exchange.
func (w *Wire) Discover(ctx context.Context, o Limits) (Discovery, *access.Error) {
	id := rand.Int32N(1 << 30)
	buffer := make([]byte, mux.MaxDatagram)
	w.Begin(ctx)
	for range o.Retries + 1 {
		n, err := 0, w.SetDeadline(time.Now().Add(o.Timeout))
		if err == nil {
			_, err = w.Write(snmp.AppendDiscovery(nil, id, mux.AnnouncedSize))
		}
		if err == nil {
			n, err = w.Read(buffer)
		}
		switch m, errParse := snmp.ParseMessage3(buffer[:n]); {
		case ctx.Err() != nil:
			return Discovery{}, mux.OutOfTimeError(ctx, w.Answered)
		case err == nil && errParse == nil:
			return Discovery{m.EngineID, m.Boots, m.Time}, nil
		case err != nil && !timedOut(err):
			return Discovery{}, &access.Error{Reason: access.SocketReason(err), Err: err}
		}
		w.Retrying = true
		id++
	}
	return Discovery{}, mux.SilenceError(o.Retries, w.LastInvalid, false)
}
