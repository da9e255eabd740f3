package cluster

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

const (
	freeEvery = time.Minute      // how often a voter frees space while the engine is full
	freeWait  = 30 * time.Second // for an answer
)

// space is whether the engine takes writes.
type space struct {
	full atomic.Bool
	log  *slog.Logger
}

// note notes from the error of a write whether the engine is full: then nothing is committed, and nothing new sent.
func (s *space) note(err error) {
	switch {
	case errors.Is(err, rpctypes.ErrNoSpace):
		if !s.full.Swap(true) {
			s.log.Error("the engine is full, and takes no more alarms and notifications; voters free the space of its history every minute")
		}
	case err == nil && s.full.Swap(false):
		s.log.Info("the engine has space again")
	}
}
