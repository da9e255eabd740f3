package profile

import (
	"context"
	"slices"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// device has the values on which the choice of profiles and modules depends.
type device struct {
	sysObjectID snmp.OID
	sysDescr    string
	enterprises []uint32 // under which it has objects, in ascending order
	doubtful    bool     // it may have more
	more        bool     // it has more enterprises than are searched for
}

var (
	sysDescr    = snmp.MustParseOID("1.3.6.1.2.1.1.1.0")
	sysObjectID = snmp.MustParseOID("1.3.6.1.2.1.1.2.0")
)

// maxEnterprises bounds the search, because an agent may return objects forever.
const maxEnterprises = 16

// explore polls sysDescr, and skips from enterprise to enterprise with GETNEXT. The enterprise of sysObjectID is the
// only one of most devices: asking for what is before it and behind it at once takes one request.
func explore(ctx context.Context, s collector.Session, params client.Params, id snmp.OID) (*device, error) {
	d := &device{sysObjectID: id}
	from := []uint32{0}
	if own, found := enterpriseOf(id); found && own < 1<<32-1 {
		from = append(from, own+1)
	}
	asked := map[uint32]bool{}
	plan := client.Plan{Get: []snmp.OID{sysDescr}, Params: params}
	for len(from) > 0 && len(asked) < maxEnterprises {
		plan.Next = nil
		for _, number := range from {
			asked[number] = true
			plan.Next = append(plan.Next, snmp.AppendArc(slices.Clip(enterprises), number))
		}
		from = nil
		_, err := s.Poll(ctx, &plan, func(v snmp.VarBind) {
			if v.Name.Compare(sysDescr) == 0 && v.Type == snmp.OctetString {
				d.sysDescr = string(v.Value)
			}
			number, found := enterpriseOf(v.Name)
			if !found || !v.Type.HasValue() || slices.Contains(d.enterprises, number) {
				return
			}
			d.enterprises = append(d.enterprises, number)
			if number < 1<<32-1 && !asked[number+1] {
				from = append(from, number+1)
			}
		})
		if whole(err) != nil {
			return nil, err
		}
		d.doubtful = d.doubtful || lacking(err)
		plan.Get = nil
	}
	d.more = len(from) > 0
	slices.Sort(d.enterprises)
	return d, nil
}

// ask polls sysObjectID. It returns nil for a device without one.
func ask(ctx context.Context, s collector.Session, params client.Params) (snmp.OID, error) {
	var id snmp.OID
	_, err := s.Poll(ctx, &client.Plan{Get: []snmp.OID{sysObjectID}, Params: params}, func(v snmp.VarBind) {
		if v.Type == snmp.ObjectIdentifier {
			id = append(snmp.OID{}, v.Value...)
		}
	})
	return id, err
}

// whole returns err if the target failed or the deadline expired, and nil if only a part is
// missing.
func whole(err error) error {
	for _, e := range access.Errors(err) {
		if e.TargetFailed() || e.Reason == access.Deadline {
			return err
		}
	}
	return nil
}

// losses are reasons after which the same question may have another answer, as of an agent that still starts.
var losses = []access.Reason{access.Timeout, access.Late, access.Malformed, access.ErrorStatus, access.EmptyAnswer}

// lacking reports whether the device may have objects that were not received.
func lacking(err error) bool {
	return slices.ContainsFunc(access.Errors(err), func(e *access.Error) bool {
		return slices.Contains(losses, e.Reason)
	})
}
