// Package space says whether the engine of a cluster stores what a member commits.
package space

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// FreeEvery is how often a voter frees space while the engine is full, FreeWait how long it waits for an answer.
const (
	FreeEvery = time.Minute
	FreeWait  = 30 * time.Second
)

// Space is whether the engine takes writes. Sessions may go on where it does not: on disks that are full, or that do not answer.
type Space struct {
	Log *slog.Logger

	full   atomic.Bool
	stored atomic.Int64 // when anything was stored last, by the clock of the member
}

// Note notes the outcome of a write at a time. While the engine is full, nothing is committed, and nothing new sent.
func (s *Space) Note(now time.Duration, err error) {
	switch {
	case errors.Is(err, rpctypes.ErrNoSpace):
		if !s.full.Swap(true) {
			s.Log.Error("the engine is full, and takes no more alarms and notifications; voters free the space of its history every minute")
		}
	case err == nil:
		s.Stored(now)
		if s.full.Swap(false) {
			s.Log.Info("the engine has space again")
		}
	}
}

// Stored notes that something was stored, or that there was nothing to store.
func (s *Space) Stored(now time.Duration) { s.stored.Store(int64(now)) }

// Full reports whether the engine is full.
func (s *Space) Full() bool { return s.full.Load() }

// Since returns for how long nothing has been stored.
func (s *Space) Since(now time.Duration) time.Duration { return now - time.Duration(s.stored.Load()) }
