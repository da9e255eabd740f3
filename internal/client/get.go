package client

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"trapline/internal/access"
	"trapline/internal/mux"
	"trapline/internal/snmp"
)

var errLeftOut = errors.New("the answer leaves it out")

// getting is a request for instances, split into as many messages as the agent needs.
type getting struct {
	pass     *pass
	optional bool // that an instance is missing is no error
	proven   int  // instances that the agent has put into one answer
	tooMany  int  // instances in the last request that was silent or tooBig; 0 once it is clear why
}

// instanceStats are the findings of a poll about an instance.
type instanceStats struct {
	oid    snmp.OID
	size   int  // octets of its binding
	alone  bool // an error came of it
	failed bool // it was in a request with an error that does not say which is to blame
}

// note notes how an instance was answered.
func (g *getting) note(i instanceStats) {
	if !g.optional {
		g.pass.noted = append(g.pass.noted, i)
	}
}

// noteFailed notes the instances of a request that an error ended.
func (g *getting) noteFailed(oids []snmp.OID, e *access.Error) {
	if e.OID != nil && !e.Ends() {
		g.note(instanceStats{oid: oids[0], alone: true})
		return
	}
	for _, oid := range oids {
		g.note(instanceStats{oid: oid, failed: true})
	}
}

// get requests instances. A request that an agent cannot answer in one message is halved, an instance
// that it names as the cause of an error is asked for alone, for some agents name the wrong one, and instances that
// an answer leaves out is asked for again.
func (g *getting) get(ctx context.Context, oids []snmp.OID) {
	for len(oids) > 0 && g.pass.goesOn("get", oids) {
		a, e := g.pass.Exchange(ctx, mux.Request{PDU: snmp.GetRequest, OIDs: oids})
		culprit := a.Index - 1
		switch {
		case e != nil && (e.OID == nil || len(oids) == 1 || e.Ends()):
			g.noteFailed(oids, e)
			g.pass.lost("get", oids[0], nil, e)
			oids = oids[1:]
		case mux.MessageRefused(a):
			g.pass.refused("get", nil, nil, a)
			return
		case namesCulprit(a.Status) && len(oids) > 1 && culprit >= 0 && culprit < len(oids):
			g.get(ctx, oids[culprit:culprit+1])
			oids = slices.Delete(slices.Clone(oids), culprit, culprit+1)
		case e == nil && a.Status == snmp.NoError && g.take(&oids, a.VarBinds):
		case len(oids) == 1, e == nil && a.Status == snmp.NoError && len(oids) <= g.proven:
			for _, oid := range oids {
				g.without(oid, a)
			}
			return
		default:
			if e != nil || a.Status == snmp.TooBig {
				g.tooMany = len(oids)
			}
			half := len(oids) / 2
			g.get(ctx, oids[:half])
			oids = oids[half:]
		}
	}
}

// namesCulprit reports whether an error-status is about one binding: tooBig is about all of them.
func namesCulprit(s snmp.ErrorStatus) bool { return s != snmp.NoError && s != snmp.TooBig }

// without notes why one instance is missing. SNMPv1's noSuchName (RFC 1157 section 4.1.2) is the same as
// noSuchInstance became later.
func (g *getting) without(oid snmp.OID, a mux.Answer) {
	g.note(instanceStats{oid: oid, alone: true})
	switch {
	case g.optional:
	case a.Status == snmp.NoSuchName:
		g.pass.give(snmp.VarBind{Name: oid, Type: snmp.NoSuchInstance})
	case a.Status == snmp.NoError:
		g.pass.partial("get", oid, nil, access.EmptyAnswer, errLeftOut)
	default:
		a.Index = 1
		g.pass.refused("get", oid, nil, a)
	}
}

// take hands on the instances that are in an answer and reports whether there are any. Missing instances
// remains in oids, unless it is optional.
func (g *getting) take(oids *[]snmp.OID, varbinds []snmp.VarBind) bool {
	var missing []snmp.OID
	for i, oid := range *oids {
		switch v := g.find(oid, i, varbinds); {
		case v == nil:
			missing = append(missing, oid)
		case !g.optional || v.Type.HasValue():
			g.note(instanceStats{oid: oid, size: snmp.VarBindSize(*v)})
			g.pass.give(*v)
		}
	}
	found := len(*oids) - len(missing)
	if g.proven = max(g.proven, found); found == 0 {
		return false
	}
	if g.tooMany > 0 {
		g.pass.AnswersAtMost(len(*oids), g.tooMany)
		g.tooMany = 0
	}
	if *oids = missing; g.optional {
		*oids = nil
	}
	return true
}

// find returns the binding of an instance, or nil. Agents answer in the order of the request, or should.
// Some answer with the .0 that a request for a scalar lacks.
func (g *getting) find(oid snmp.OID, at int, varbinds []snmp.VarBind) *snmp.VarBind {
	if at < len(varbinds) && bytes.Equal(varbinds[at].Name, oid) {
		return &varbinds[at]
	}
	if i := slices.IndexFunc(varbinds, func(v snmp.VarBind) bool { return bytes.Equal(v.Name, oid) }); i >= 0 {
		return &varbinds[i]
	}
	if at < len(varbinds) && bytes.Equal(varbinds[at].Name, snmp.AppendArc(bytes.Clone(oid), 0)) {
		g.pass.metrics.Deviates(mux.CompletedInstance)
		return &varbinds[at]
	}
	return nil
}
