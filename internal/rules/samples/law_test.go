package samples

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"golang.org/x/sync/errgroup"
)

// Under any sequence of appends, commits, rollbacks, deletions by age and restarts after a crash or a stop, a query
// returns the samples of a plain list within the retention, and no other ones at any time.
func TestLawOfStores(t *testing.T) {
	for seed := range uint64(20) {
		m := newTrial(t, rand.New(rand.NewPCG(seed, 1)))
		for range 300 {
			m.step()
		}
		m.check()
		m.must(m.store.Close())
	}
}

type point struct {
	t int64
	v float64
}

// trial is a store and its expected samples.
type trial struct {
	*testing.T
	random *rand.Rand
	dir    string
	store  *Store
	now    int64
	lists  map[string][]point // by labels
	labels []labels.Labels
	refs   map[string]storage.SeriesRef
}

const retention = 3 * time.Hour

func newTrial(t *testing.T, random *rand.Rand) *trial {
	m := &trial{T: t, random: random, dir: filepath.Join(t.TempDir(), "s"), now: 1_700_000_000_000, lists: map[string][]point{}}
	for i := range 12 {
		m.labels = append(m.labels, labels.FromStrings(model.MetricNameLabel, fmt.Sprint("m", i%3), "target", fmt.Sprint("t", i%2), "i", fmt.Sprint(i)))
	}
	m.open()
	return m
}

func (m *trial) must(err error) {
	if err != nil {
		m.Helper()
		m.Fatal(err)
	}
}

func (m *trial) open() {
	var err error
	m.store, err = Open(m.dir, retention, slog.New(slog.DiscardHandler))
	m.must(err)
	m.store.leastLog = 0
	m.refs = map[string]storage.SeriesRef{}
}

func (m *trial) step() {
	switch m.random.IntN(40) {
	case 0:
		m.crash()
	case 1:
		m.must(m.store.Close())
		m.open()
	case 2, 3, 4:
		m.must(m.store.Maintain())
	case 5:
		m.check()
	case 6:
		m.now += m.random.Int64N(2 * retention.Milliseconds())
	default:
		m.commit()
	}
}

// crash goes on with what a store that was not closed has left.
func (m *trial) crash() {
	crashed := filepath.Join(m.TempDir(), "s")
	m.must(os.CopyFS(crashed, os.DirFS(m.dir)))
	m.must(m.store.Close())
	m.dir = crashed
	m.open()
}

// commit appends samples to some of the series, a few of them twice or too late.
func (m *trial) commit() {
	m.now += 1 + m.random.Int64N(90_000)
	a := m.store.Appender()
	type added struct {
		text string
		point
	}
	var list []added
	for _, l := range m.labels {
		if m.random.IntN(3) == 0 {
			continue
		}
		p := point{m.now, []float64{1, -0.5, math.Inf(1), math.Float64frombits(0x7ff0000000000002), m.random.NormFloat64()}[m.random.IntN(5)]}
		if m.random.IntN(20) == 0 {
			p.t -= m.random.Int64N(120_000)
		}
		text := l.String()
		ref, err := m.append(a, text, l, p)
		before := m.lists[text]
		switch last := len(before) - 1; {
		case last >= 0 && p.t < before[last].t && m.kept(before[last].t):
			if !errors.Is(err, storage.ErrOutOfOrderSample) {
				m.Fatalf("%s at %d after %d: %v", text, p.t, before[last].t, err)
			}
		case err != nil && !errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
			m.Fatal(err)
		case err == nil && (last < 0 || p.t > before[last].t):
			m.refs[text] = ref
			list = append(list, added{text, p})
		}
	}
	if m.random.IntN(10) == 0 {
		a.Rollback()
		return
	}
	m.must(a.Commit())
	for _, one := range list {
		m.lists[one.text] = append(m.lists[one.text], one.point)
	}
}

// append appends by the reference, as long as there is one.
func (m *trial) append(a *Appender, text string, l labels.Labels, p point) (storage.SeriesRef, error) {
	ref, err := a.Append(m.refs[text], labels.EmptyLabels(), p.t, p.v)
	if errors.Is(err, ErrUnknownSeries) {
		return a.Append(0, l, p.t, p.v)
	}
	return ref, err
}

// kept reports whether samples of a time have to be there.
func (m *trial) kept(t int64) bool { return t >= m.store.MaxTime()-retention.Milliseconds() }

// check compares the results of queries.
func (m *trial) check() {
	for _, matchers := range [][]*labels.Matcher{
		{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, "m1")},
		{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, "m1"), labels.MustNewMatcher(labels.MatchEqual, "target", "t0")},
		{labels.MustNewMatcher(labels.MatchRegexp, "i", "1|3|x"), labels.MustNewMatcher(labels.MatchNotEqual, "target", "t0")},
		{labels.MustNewMatcher(labels.MatchNotRegexp, "i", "1.*"), labels.MustNewMatcher(labels.MatchEqual, "none", "")},
	} {
		from := m.now - m.random.Int64N(2*retention.Milliseconds())
		to := from + m.random.Int64N(m.now-from+1)
		q, err := m.store.Querier(from, to)
		m.must(err)
		found := map[string]bool{}
		set := q.Select(m.Context(), true, nil, matchers...)
		var it chunkenc.Iterator
		for set.Next() {
			l := set.At().Labels()
			found[l.String()] = true
			it = set.At().Iterator(it)
			m.same(l.String(), it, from, to)
		}
		m.must(set.Err())
		for _, l := range m.labels {
			within := slices.ContainsFunc(m.lists[l.String()], func(p point) bool { return p.t >= from && p.t <= to && m.kept(p.t) })
			if got := found[l.String()]; got && !matches(l, matchers) || !got && within && matches(l, matchers) {
				m.Fatalf("%v: selected %s: %t", matchers, l, got)
			}
		}
	}
}

// same compares the samples of a series, one after the other or where it seeks.
func (m *trial) same(text string, it chunkenc.Iterator, from, to int64) {
	within := func(t int64) bool { return t >= from && t <= to && m.kept(t) }
	want := slices.DeleteFunc(slices.Clone(m.lists[text]), func(p point) bool { return !within(p.t) })
	if m.random.IntN(2) == 0 {
		for i := m.random.IntN(3); i < len(want); i += 1 + m.random.IntN(20) {
			if it.Seek(want[i].t-m.random.Int64N(2)) == chunkenc.ValNone || it.AtT() > want[i].t {
				m.Fatalf("%s: nothing at %v", text, want[i])
			}
			if it.AtT() < want[i].t { // the sample is a millisecond later
				it.Next()
			}
			if t, v := it.At(); t != want[i].t || math.Float64bits(v) != math.Float64bits(want[i].v) {
				m.Fatalf("%s: %v at %d, want %v", text, v, t, want[i])
			}
		}
		return
	}
	n := 0
	for it.Next() != chunkenc.ValNone {
		t, v := it.At()
		if !within(t) {
			continue
		}
		if n >= len(want) || want[n].t != t || math.Float64bits(want[n].v) != math.Float64bits(v) {
			m.Fatalf("%s: %v at %d, want %v", text, v, t, want[min(n, len(want)):])
		}
		n++
	}
	if it.Err() != nil || n < len(want) {
		m.Fatalf("%s: %d of %d samples, %v", text, n, len(want), it.Err())
	}
}

// Whatever octets of the log are wrong, the store opens, and has no sample that it was not given.
func TestLawOfDamagedLogs(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	m := newTrial(t, random)
	for range 200 {
		m.commit()
	}
	m.must(m.store.Close())
	files, err := filepath.Glob(filepath.Join(m.dir, "wal", "*"))
	m.must(err)
	for range 60 {
		dir := filepath.Join(t.TempDir(), "s")
		m.must(os.CopyFS(dir, os.DirFS(m.dir)))
		name := filepath.Join(dir, "wal", filepath.Base(files[random.IntN(len(files))]))
		content, err := os.ReadFile(name)
		m.must(err)
		if len(content) == 0 {
			continue
		}
		switch at := random.IntN(len(content)); random.IntN(4) {
		case 0:
			content = content[:at]
		case 1:
			clear(content[at:])
		default:
			content[at] ^= byte(1 + random.IntN(255))
		}
		m.must(os.WriteFile(name, content, 0o600))
		s, err := Open(dir, retention, slog.New(slog.DiscardHandler))
		m.must(err)
		m.subset(s)
		m.must(s.Close())
	}
}

// subset reports samples of a store that it was not given.
func (m *trial) subset(s *Store) {
	q, err := s.Querier(0, math.MaxInt64)
	m.must(err)
	set := q.Select(m.Context(), false, nil)
	for set.Next() {
		list := m.lists[set.At().Labels().String()]
		for it := set.At().Iterator(nil); it.Next() != chunkenc.ValNone; {
			t, v := it.At()
			if !slices.ContainsFunc(list, func(p point) bool { return p.t == t && math.Float64bits(p.v) == math.Float64bits(v) }) {
				m.Fatalf("%s: %v at %d", set.At().Labels(), v, t)
			}
		}
	}
	m.must(set.Err())
}

// Samples are appended, deleted and looked at by many at once.
func TestConcurrentUse(t *testing.T) {
	s, err := Open(t.TempDir(), time.Hour, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.leastLog = 0
	var group errgroup.Group
	for n := range 4 {
		group.Go(func() error {
			for i := range int64(2000) {
				a := s.Appender()
				l := labels.FromStrings(model.MetricNameLabel, "m", "n", fmt.Sprint(n), "i", fmt.Sprint(i/500%3))
				if _, err := a.Append(0, l, i*10_000, float64(i)); err != nil {
					return err
				}
				if err := a.Commit(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for range 2 {
		group.Go(func() error {
			for range 200 {
				if err := s.Maintain(); err != nil {
					return err
				}
				q, _ := s.Querier(0, math.MaxInt64)
				set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, "m"))
				for set.Next() {
					last := int64(-1)
					it := set.At().Iterator(nil)
					for it.Next() != chunkenc.ValNone {
						if at, v := it.At(); at <= last || v != float64(at/10_000) {
							return fmt.Errorf("%v at %d, after %d", v, at, last)
						}
						last = it.AtT()
					}
					if it.Err() != nil {
						return it.Err()
					}
				}
			}
			return nil
		})
	}
	if err := errors.Join(group.Wait(), s.Close()); err != nil {
		t.Fatal(err)
	}
}
