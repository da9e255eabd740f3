package outbox

import (
	"trapline/internal/ledger"
	"trapline/internal/outbox/shards"
)

// SetInhibitors notes the alarms of all shards that begin or cease to inhibit others, as the engine of the cluster has them. Alarms that
// are inhibited by other members' from then on, or not any more, are looked at again.
func (o *Outbox) SetInhibitors(records []ledger.Write) error {
	var list []shards.Inhibitor
	for i := range records {
		if one, ok := shards.ReadInhibitor(&records[i]); ok && one.Shard != shards.Local {
			list = append(list, one)
		}
	}
	return o.do(&change{now: o.state.clock.Wall(), plan: func(p *plan) {
		p.inhibitors = append(p.inhibitors, list...)
		for id, s := range p.state.index.Others(p.inhibitors) {
			p.causes.Put(id, "", s)
		}
	}})
}
