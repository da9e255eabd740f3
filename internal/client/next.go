package client

import (
	"context"
	"slices"

	"trapline/internal/access"
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
// the OID that it names as the cause of an error is requested alone, for some agents name the wrong one, and those that
// an answer leaves out are requested again. An OID with nothing behind it yields nothing.
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
			oids = oids[p.takeSuccessors(oids, a.VarBinds):]
		case mux.MessageRefused(a):
			p.refused("getnext", nil, nil, a)
			return
		case namesCulprit(a.Status) && len(oids) > 1 && culprit >= 0 && culprit < len(oids):
			p.next(ctx, oids[culprit:culprit+1])
			oids = slices.Delete(slices.Clone(oids), culprit, culprit+1)
		case len(oids) == 1:
			p.withoutSuccessor(oids[0], a)
			return
		default:
			half := len(oids) / 2
			p.next(ctx, oids[:half])
			oids = oids[half:]
		}
	}
}

// takeSuccessors yields bindings whose name lies behind the OID in the same place of the request. It returns how many OIDs
// were answered.
func (p *pass) takeSuccessors(oids []snmp.OID, varbinds []snmp.VarBind) int {
	answered := min(len(oids), len(varbinds))
	for i, v := range varbinds[:answered] {
		if v.Type.HasValue() && oids[i].Compare(v.Name) < 0 {
			p.give(v)
		}
	}
	return answered
}

// withoutSuccessor notes an error that says nothing about what is behind an OID. In SNMPv1 noSuchName is the end of the
// MIB (RFC 1157 section 4.1.3).
func (p *pass) withoutSuccessor(oid snmp.OID, a mux.Answer) {
	switch a.Status {
	case snmp.NoSuchName:
	case snmp.NoError:
		p.partial("getnext", oid, nil, access.EmptyAnswer, errLeftOut)
	default:
		a.Index = 1
		p.refused("getnext", oid, nil, a)
	}
}
