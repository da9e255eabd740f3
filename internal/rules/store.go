package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"
)

// store keeps the samples that rules look back at.
type store struct {
	*tsdb.DB
	temporary string // a directory to remove in the end
}

// blockTime is how much time lies in memory at most. It is short, for what rules look at is, and what is in
// memory has to be read again after a crash.
const blockTime = 15 * time.Minute

// leastRetention is how long samples are kept, if no rule looks further back.
const leastRetention = 2 * blockTime

func retentionOf(window time.Duration) time.Duration { return max(leastRetention, 2*window) }

// openStore opens the store in a directory, or in a temporary one. A store that is damaged is put aside, and
// so is one from the future, which would take no sample until that has come.
func openStore(dir string, window time.Duration, now time.Time, logger *slog.Logger) (*store, error) {
	s := &store{}
	if dir == "" {
		var err error
		if s.temporary, err = os.MkdirTemp("", "trapline-rules-"); err != nil {
			return nil, err
		}
		dir = s.temporary
	}
	err := s.open(dir, window)
	if last := now.Add(time.Minute); err == nil && len(s.Blocks())+int(s.Head().NumSeries()) > 0 && s.Head().MaxTime() > last.UnixMilli() {
		err = errors.Join(fmt.Errorf("its last sample is of %s", time.UnixMilli(s.Head().MaxTime()).UTC()), s.Close())
	}
	if err == nil {
		return s, nil
	}
	aside := fmt.Sprintf("%s.damaged-%d", dir, now.UnixNano())
	logger.Error("the samples that rules look back at cannot be read: they are put aside, and rules begin anew", "moved_to", aside, "err", err)
	if err := os.Rename(dir, aside); err != nil {
		return nil, err
	}
	if err := dropOlder(dir, aside); err != nil {
		logger.Warn("what was put aside before cannot be removed", "err", err)
	}
	return s, s.open(dir, window)
}

// dropOlder removes what was put aside before.
func dropOlder(dir, newest string) error {
	others, err := filepath.Glob(dir + ".damaged-*")
	for _, other := range others {
		if other != newest {
			err = errors.Join(err, os.RemoveAll(other))
		}
	}
	return err
}

func (s *store) open(dir string, window time.Duration) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	o := tsdb.DefaultOptions()
	o.MinBlockDuration, o.MaxBlockDuration = blockTime.Milliseconds(), blockTime.Milliseconds()
	o.RetentionDuration = retentionOf(window).Milliseconds()
	o.WALSegmentSize, o.WALCompression = 4<<20, compression.Snappy
	o.StripeSize = 1 << 12
	// Only the rules of a target need its passes whole, and they are evaluated when these are in.
	o.IsolationDisabled = true
	o.EnableMemorySnapshotOnShutdown = true
	// What it would log at each compaction is of no interest to who writes rules.
	s.DB, err = tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, o, nil)
	return err
}

func (s *store) close() error {
	err := s.Close()
	if s.temporary != "" {
		err = errors.Join(err, os.RemoveAll(s.temporary))
	}
	return err
}

// scoped shows the series of one target alone.
type scoped struct {
	storage.Queryable
	only *labels.Matcher
}

func (s scoped) Querier(from, to int64) (storage.Querier, error) {
	q, err := s.Queryable.Querier(from, to)
	return scopedQuerier{q, s.only}, err
}

type scopedQuerier struct {
	storage.Querier
	only *labels.Matcher
}

func (q scopedQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	return q.Querier.Select(ctx, sorted, hints, append(matchers[:len(matchers):len(matchers)], q.only)...)
}
