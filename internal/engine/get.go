package engine

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"trapline/internal/snmp"
)

var errLeftOut = errors.New("the answer leaves it out")

// get asks for instances. What an agent cannot answer in one message is asked for in halves, and an
// instance that it names as the cause of an error is left out of the next try.
func (p *pass) get(ctx context.Context, oids []snmp.OID) {
	for len(oids) > 0 && !p.down {
		a, e := p.exchange(ctx, request{pdu: snmp.GetRequest, oids: oids})
		culprit := a.index - 1
		switch {
		case e == nil && a.status == snmp.NoError && len(a.varbinds) > 0:
			p.takeInstances(oids, a.varbinds)
			return
		case e != nil && (e.OID == nil || len(oids) == 1):
			p.lost("get", oids[0], nil, e)
			return
		case messageRefused(a):
			p.refused("get", nil, nil, a)
			return
		case namesCulprit(a.status) && culprit >= 0 && culprit < len(oids):
			p.without(oids[culprit], a)
			oids = slices.Delete(slices.Clone(oids), culprit, culprit+1)
		case len(oids) == 1:
			p.without(oids[0], a)
			return
		default:
			half := len(oids) / 2
			p.get(ctx, oids[:half])
			oids = oids[half:]
		}
	}
}

// namesCulprit tells whether an error-status is about one binding: tooBig is about all of them.
func namesCulprit(s snmp.ErrorStatus) bool { return s != snmp.NoError && s != snmp.TooBig }

// without notes why one instance is missing. SNMPv1's noSuchName (RFC 1157 section 4.1.2) is what
// noSuchInstance became later.
func (p *pass) without(oid snmp.OID, a answer) {
	switch a.status {
	case snmp.NoSuchName:
		p.give(snmp.VarBind{Name: oid, Type: snmp.NoSuchInstance})
	case snmp.NoError:
		p.partial("get", oid, nil, EmptyAnswer, errLeftOut)
	default:
		a.index = 1
		p.refused("get", oid, nil, a)
	}
}

// takeInstances hands on what was asked for. Agents answer in the order of the request, or should.
func (p *pass) takeInstances(oids []snmp.OID, varbinds []snmp.VarBind) {
	for i, oid := range oids {
		if i >= len(varbinds) || !bytes.Equal(varbinds[i].Name, oid) {
			i = slices.IndexFunc(varbinds, func(v snmp.VarBind) bool { return bytes.Equal(v.Name, oid) })
		}
		if i < 0 {
			p.partial("get", oid, nil, EmptyAnswer, errLeftOut)
			continue
		}
		p.give(varbinds[i])
	}
}
