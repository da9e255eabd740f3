// Package ledgertest has a store for tests.
package ledgertest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"

	"trapline/internal/ledger"
)

// Memory is a ledger.Store in memory. Its zero value is empty.
type Memory struct {
	mu     sync.Mutex
	shards map[string]map[string][]byte
}

// Load implements ledger.Store.
func (m *Memory) Load(_ context.Context, shard string, each func(key string, value []byte) error) error {
	records := m.Records(shard)
	var bad []string
	for _, key := range slices.Sorted(maps.Keys(records)) {
		if each(key, records[key]) != nil {
			bad = append(bad, key)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range bad {
		delete(m.shards[shard], key)
	}
	return &ledger.Damage{Keys: bad}
}

// Commit implements ledger.Store.
func (m *Memory) Commit(_ context.Context, writes []ledger.Write) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range writes {
		w := &writes[i]
		if w.Value == nil {
			delete(m.shards[w.Shard], w.Key)
			continue
		}
		if m.shards == nil {
			m.shards = map[string]map[string][]byte{}
		}
		if m.shards[w.Shard] == nil {
			m.shards[w.Shard] = map[string][]byte{}
		}
		m.shards[w.Shard][w.Key] = bytes.Clone(w.Value)
	}
	return nil
}

// Records returns a copy of the records of a shard.
func (m *Memory) Records(shard string) map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.shards[shard])
}
