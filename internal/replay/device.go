package replay

import (
	"context"
	"errors"
	"time"

	"trapline/internal/access"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// device answers a poll from a recording, without a network. It is a session of the collector.
type device struct {
	recording *agent.Recording
	uptime    time.Duration // determines the values of objects that vary
}

var errNothing = errors.New("the recording of this pass is empty")

// Poll returns the recorded values for a plan. Without a recording, the device did not answer.
func (d *device) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (stats client.Stats, err error) {
	if d.recording.Len() == 0 {
		return stats, &access.Error{Reason: access.Timeout, Err: errNothing}
	}
	give := func(v snmp.VarBind) { stats.VarBinds++; yield(v) }
	for _, name := range p.Get {
		v := snmp.VarBind{Name: name, Type: snmp.NoSuchInstance}
		for first := range d.recording.From(name, d.uptime) {
			if first.Name.Compare(name) == 0 {
				v = first
			}
			break
		}
		give(v)
	}
	for _, name := range p.Next {
		for v := range d.recording.From(name, d.uptime) {
			if v.Name.Compare(name) > 0 {
				give(v)
				break
			}
		}
	}
	roots := p.Columns
	if roots == nil {
		roots = p.Walk
	}
	for _, root := range roots {
		for v := range d.recording.From(root, d.uptime) {
			if !v.Name.HasPrefix(root) && !p.ToEnd {
				break
			}
			give(v)
		}
	}
	return stats, nil
}
