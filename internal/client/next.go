package client

import (
	"context"
	"slices"

	"trapline/internal/mux"
	"trapline/internal/snmp"
)

func (p *pass) nexts(ctx context.Context, oids []snmp.OID) {
	for len(oids) > 0 && p.goesOn("getnext", oids) {
		n := min(p.batch, len(oids))
		p.next(ctx, oids[:n])
		oids = oids[n:]
	}
}

// next requests the successor of each OID. A request that an agent cannot answer in one message is halved,
// and the OID that it names as the cause of an error is requested alone, for some agents name the wrong one.
// An OID with nothing behind it yields nothing.
func (p *pass) next(ctx context.Context, oids []snmp.OID) {
	for len(oids) > 0 && p.goesOn("getnext", oids) {
		first := make([]snmp.OID, len(oids)) // a single number is no OID that could be asked for
		for i, o := range oids {
			first[i] = o.First()
		}
		a, e := p.Exchange(ctx, mux.Request{PDU: snmp.GetNextRequest, OIDs: first})
		culprit := a.Index - 1
		switch {
		case e != nil && (e.OID == nil || len(oids) == 1 || e.Ends()):
			p.lost("getnext", oids[0], nil, e)
			oids = oids[1:]
		case e == nil && a.Status == snmp.NoError && len(a.VarBinds) > 0:
			p.takeSuccessors(oids, a.VarBinds)
			return
		case mux.MessageRefused(a):
			p.refused("getnext", nil, nil, a)
			return
		case namesCulprit(a.Status) && len(oids) > 1 && culprit >= 0 && culprit < len(oids):
			p.next(ctx, oids[culprit:culprit+1])
			oids = slices.Delete(slices.Clone(oids), culprit, culprit+1)
		case len(oids) == 1:
			return
		default:
			half := len(oids) / 2
			p.next(ctx, oids[:half])
			oids = oids[half:]
		}
	}
}

// takeSuccessors yields bindings whose name lies behind the OID in the same place of the request.
func (p *pass) takeSuccessors(oids []snmp.OID, varbinds []snmp.VarBind) {
	for i, v := range varbinds[:min(len(oids), len(varbinds))] {
		if v.Type.HasValue() && oids[i].Compare(v.Name) < 0 {
			p.give(v)
		}
	}
}
