package member

import (
	"context"

	"trapline/internal/cluster/peer"
)

// Traps are the notifications of devices of the shards that a member owns: those of a relay.
type Traps interface {
	// Fetch learns which ones the last owner of a shard has taken. It may have no name. None of the shard is taken until Accept.
	Fetch(ctx context.Context, shard string, from peer.Member)
	Accept(shard string)
	// Release has none taken any more, and reports whether the next owner has anything to learn: see Given.
	Release(shard string) (remembers bool)
	// Lose has none taken any more, of a shard that was lost.
	Lose(shard string)
	// Flush waits until others have taken those that wait for them.
	Flush(ctx context.Context)
}

// Given notes that the next owner of a shard has learned which notifications were taken.
func (m *Member) Given(shard string) { m.left.forget(part{shard, true}) }
