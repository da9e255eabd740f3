package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"

	"trapline/internal/rules/samples"
)

// store holds the samples that rules read.
type store struct {
	samples   *samples.Store
	temporary string // a directory to remove in the end
	logger    *slog.Logger
	fault     func() error // of tests: why nothing can be written; nil in the field
}

// minLookback is how old a sample may be, as in Prometheus, unless targets are polled more rarely.
const minLookback = 5 * time.Minute

// minRetention is how long samples are kept, if no rule reads further back.
const minRetention = 30 * time.Minute

func retentionOf(window time.Duration) time.Duration { return max(minRetention, 2*window) }

// maintainInterval is how often old samples are deleted.
const maintainInterval = time.Minute

// openStore opens the store in a directory, or in a temporary one. A damaged store is put aside, and so is one from the
// future, which would refuse samples until then. After other errors the files stay as they are.
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
	if last := now.Add(time.Minute); err == nil && s.samples.MaxTime() > last.UnixMilli() {
		err = errors.Join(fmt.Errorf("its last sample is of %s", time.UnixMilli(s.samples.MaxTime()).UTC()), s.samples.Close())
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

// shortages are errors about the machine and not about the content of a file.
var shortages = []error{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EACCES, syscall.EPERM, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, syscall.EINTR,
}

func isShortage(err error) bool {
	return slices.ContainsFunc(shortages, func(shortage error) bool { return errors.Is(err, shortage) })
}

// dropOlder removes directories that were put aside before.
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
	s.samples, err = samples.Open(dir, retentionOf(window), slog.New(warnings{s.logger.With("of", "samples of rules").Handler()}))
	return err
}

// warnings is a log handler that drops messages below the level of warnings.
type warnings struct{ to slog.Handler }

func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.to.Enabled(ctx, level)
}

func (w warnings) Handle(ctx context.Context, r slog.Record) error {
	return w.to.Handle(ctx, r)
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler { return warnings{w.to.WithAttrs(attrs)} }
func (w warnings) WithGroup(name string) slog.Handler       { return warnings{w.to.WithGroup(name)} }

// maintain deletes samples that no rule reads.
func (s *store) maintain() error {
	if s.fault != nil {
		return s.fault()
	}
	return s.samples.Maintain()
}

// appender returns an appender to the store.
func (s *store) appender() appender {
	if s.fault == nil {
		return s.samples.Appender()
	}
	return faulty{s.samples.Appender(), s.fault}
}

// appender appends samples that are committed together.
type appender interface {
	Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error)
	Has(l labels.Labels) bool // reports whether there is that series
	Commit() error
}

// faulty is an appender that cannot commit.
type faulty struct {
	appender *samples.Appender
	fault    func() error
}

func (f faulty) Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	return f.appender.Append(ref, l, t, v)
}

func (f faulty) Has(l labels.Labels) bool { return f.appender.Has(l) }

func (f faulty) Commit() error {
	if err := f.fault(); err != nil {
		f.appender.Rollback()
		return err
	}
	return f.appender.Commit()
}

func (s *store) close() error { return errors.Join(s.samples.Close(), s.remove()) }

func (s *store) remove() error {
	if s.temporary == "" {
		return nil
	}
	return os.RemoveAll(s.temporary)
}

// scoped is a queryable with the series of one target only.
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

// stale is the value that ends a series until its next sample.
var stale = math.Float64frombits(value.StaleNaN)
