package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"

	"trapline/internal/notify"
)

// store keeps the samples that rules look back at.
type store struct {
	*tsdb.DB
	temporary string // a directory to remove in the end
	logger    *slog.Logger
	fault     func() error // of tests: why nothing can be written; nil in the field
}

// blockTime is how much time lies in memory at most. It is short, for what rules look at is, and what is in
// memory has to be read again after a crash.
const blockTime = 15 * time.Minute

// leastRetention is how long samples are kept, if no rule looks further back.
const leastRetention = 2 * blockTime

func retentionOf(window time.Duration) time.Duration { return max(leastRetention, 2*window) }

// tendTime is how often it is looked for whether what is in memory can become a block.
const tendTime = time.Minute

// openStore opens the store in a directory, or in a temporary one. A store that is damaged is put aside, and
// so is one from the future, which would take no sample until that has come. One that merely cannot be opened
// at the moment stays as it is.
func openStore(dir string, window time.Duration, now time.Time, logger *slog.Logger) (*store, error) {
	s := &store{logger: logger}
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
	if isShortage(err) {
		return nil, errors.Join(err, s.remove())
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

// shortages are errors that are about the machine and not about what is in a file.
var shortages = []error{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, syscall.EINTR,
}

func isShortage(err error) bool {
	return slices.ContainsFunc(shortages, func(shortage error) bool { return errors.Is(err, shortage) })
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

// leastSpace is what opening a store takes beside what it writes of its log.
const leastSpace = 1 << 20

// room reports an error where a store would not find the space that reading its log takes: tsdb writes what it
// reads there into files of chunks, and ends the process where it cannot.
func room(dir string) error {
	need := uint64(leastSpace)
	_ = filepath.WalkDir(filepath.Join(dir, "wal"), func(_ string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				need += uint64(info.Size())
			}
		}
		return nil
	})
	if free, known := notify.FreeSpace(dir); known && free < need {
		return fmt.Errorf("%s: %d KiB are free and %d KiB may be needed: %w", dir, free>>10, need>>10, syscall.ENOSPC)
	}
	return nil
}

func (s *store) open(dir string, window time.Duration) error {
	if err := room(dir); err != nil {
		return err
	}
	o := tsdb.DefaultOptions()
	o.MinBlockDuration, o.MaxBlockDuration = blockTime.Milliseconds(), blockTime.Milliseconds()
	o.RetentionDuration = retentionOf(window).Milliseconds()
	o.WALSegmentSize, o.WALCompression = 4<<20, compression.Snappy
	o.MaxBlockChunkSegmentSize = 4 << 20 // which is allocated at once
	o.StripeSize = 1 << 12
	// Only the rules of a target need its passes whole, and they are evaluated when these are in.
	o.IsolationDisabled = true
	o.EnableMemorySnapshotOnShutdown = true
	// What tsdb does by itself, it does in goroutines that end the process when the disk is full: tend does it.
	o.BlockReloadInterval = 1 << 62
	return guarded(func() (err error) {
		s.DB, err = tsdb.Open(dir, slog.New(warnings{s.logger.Handler()}), nil, o, nil)
		if err == nil {
			s.DisableCompactions()
		}
		return err
	})
}

// guarded makes an error of a panic: tsdb has nothing else for chunks that it cannot write.
func guarded(use func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			var ok bool
			if err, ok = cause.(error); !ok {
				err = fmt.Errorf("%v", cause)
			}
		}
	}()
	return use()
}

// warnings is a log handler that leaves out what is of no interest to who writes rules.
type warnings struct{ to slog.Handler }

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.to.Enabled(ctx, level)
}

func (w warnings) Handle(ctx context.Context, r slog.Record) error {
	r.Message = "the samples of rules: " + r.Message
	return w.to.Handle(ctx, r)
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler { return warnings{w.to.WithAttrs(attrs)} }
func (w warnings) WithGroup(name string) slog.Handler       { return warnings{w.to.WithGroup(name)} }

// tend makes blocks of what was long enough in memory, and drops old ones.
func (s *store) tend(ctx context.Context) error {
	return guarded(func() error {
		if s.fault != nil {
			return s.fault()
		}
		return s.Compact(ctx)
	})
}

// appender takes samples for the store.
func (s *store) appender(ctx context.Context) storage.AppenderV2 {
	if s.fault == nil {
		return s.AppenderV2(ctx)
	}
	return faulty{s.AppenderV2(ctx), s.fault}
}

// faulty is an appender that cannot commit.
type faulty struct {
	storage.AppenderV2
	fault func() error
}

func (f faulty) Commit() error {
	if err := f.fault(); err != nil {
		return errors.Join(err, f.Rollback())
	}
	return f.AppenderV2.Commit()
}

func (s *store) close() error { return errors.Join(guarded(s.Close), s.remove()) }

func (s *store) remove() error {
	if s.temporary == "" {
		return nil
	}
	return os.RemoveAll(s.temporary)
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
