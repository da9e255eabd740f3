package member

import (
	"cmp"
	"context"
	"time"

	"trapline/internal/cluster/desk"
	"trapline/internal/transfer"
)

// receive takes over whatever has come into the inbox of a shard. It returns up to when the rules of the shard missed no evaluation.
func (m *Member) receive(ctx context.Context, shard string, alive time.Time) (time.Time, error) {
	batches := m.cluster.Arrived(shard)
	if len(batches) == 0 {
		return alive, nil
	}
	now := time.Now()
	alive = cmp.Or(alive, now)
	r := transfer.Receiver{Store: m.cluster, Shard: shard, Alive: alive, Now: now, Logger: m.options.Logger}
	return alive, r.Receive(ctx, batches)
}

// giver returns who gives the alarms of the state directory to the cluster; nil if there are none.
func (m *Member) giver(ctx context.Context) (*transfer.Giver, error) {
	local, keep := m.options.Local()
	if local == nil {
		return nil, nil
	}
	g := &transfer.Giver{
		Local: local, Keep: keep, Desk: &desk.Desk{Cluster: m.cluster}, Homes: transfer.Homes{Target: m.ShardOf(), Global: m.overAll},
		Member: m.name, Now: time.Now, Logger: m.options.Logger,
	}
	waits, err := g.Waits(ctx)
	if err != nil || !waits {
		return nil, err
	}
	m.gives.Store(true)
	return g, nil
}

// overAll reports whether a rule is evaluated over several targets.
func (m *Member) overAll(uid, alert string) bool {
	for _, r := range m.options.Running().Config.Rules.Rules() {
		if r.Global != "" && (r.UID == uid && uid != "" || r.Alert == alert && alert != "") {
			return true
		}
	}
	return false
}

const (
	givePause = time.Second // for which records are not given again after a failure
	giveWait  = time.Minute // after which a cluster that has not begun yet does so without them
)

// give gives the alarms of the state directory to the cluster. The first plan of a cluster waits for that.
func (m *Member) give(ctx context.Context, g *transfer.Giver) error {
	tick := time.NewTicker(givePause)
	defer tick.Stop()
	failing := 0
	for {
		if m.cluster.MaySend() && m.cluster.ID() != "" {
			err := g.Give(ctx)
			if err == nil {
				break
			}
			if failing++; ctx.Err() == nil {
				m.options.Logger.Error("the alarms of the state directory cannot be given to the cluster yet, will retry", "err", err)
			}
		}
		if failing == int(giveWait/givePause) {
			m.begin()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	m.begin()
	return nil
}

// begin has the cluster wait for alarms of the state directory no longer.
func (m *Member) begin() {
	m.gives.Store(false)
	m.Configured()
}
