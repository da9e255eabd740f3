package samples

import (
	"bytes"
	"io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// lived is a store that has lived for some hours, with snapshots, chunks in files, and a log that goes on.
func lived(t *testing.T, random *rand.Rand) *trial {
	m := newTrial(t, random)
	for i := range 400 {
		m.commit()
		if i%20 == 0 {
			m.must(m.store.Maintain())
		}
	}
	return m
}

// files returns the files of a directory of the store, relative to that.
func (m *trial) files(dir string) (list []string) {
	m.must(filepath.WalkDir(filepath.Join(m.dir, dir), func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			name, err = filepath.Rel(m.dir, name)
			list = append(list, name)
		}
		return err
	}))
	return list
}

// reopen opens a copy of the store in which a file was changed, and returns what was logged.
func (m *trial) reopen(change func(dir string)) (*Store, *bytes.Buffer) {
	dir := filepath.Join(m.TempDir(), "s")
	m.must(os.CopyFS(dir, os.DirFS(m.dir)))
	change(dir)
	var log bytes.Buffer
	s, err := Open(dir, retention, slog.New(slog.NewTextHandler(&log, nil)))
	m.must(err)
	s.leastLog = 0
	return s, &log
}

// damage is what may happen to a file.
func (m *trial) damage(dir, name string, others []string) (what string) {
	file := filepath.Join(dir, name)
	content, err := os.ReadFile(file)
	m.must(err)
	if len(content) == 0 {
		return ""
	}
	switch at := m.random.IntN(len(content)); m.random.IntN(6) {
	case 0:
		what, content = "cut", content[:at]
	case 1:
		what, content = "cleared", append(content[:at], make([]byte, len(content)-at)...)
	case 2:
		other, err := os.ReadFile(filepath.Join(dir, others[m.random.IntN(len(others))]))
		m.must(err)
		what, content = "swapped", other
	case 3:
		m.must(os.Remove(file))
		return "removed"
	default:
		what = "flipped"
		content[at] ^= 1 << m.random.IntN(8)
	}
	m.must(os.WriteFile(file, content, 0o600))
	return what
}

// Whatever happens to one snapshot, nothing is lost: the other one and the log have the same. Damage of the newest is reported.
func TestLawOfDamagedSnapshots(t *testing.T) {
	for seed := range uint64(3) {
		m := lived(t, rand.New(rand.NewPCG(seed, 5)))
		if seed == 1 {
			m.must(m.store.Close())
		}
		list := m.files(snapshotDir)
		if len(list) != keptSnapshots {
			t.Fatalf("%d snapshots", len(list))
		}
		original := m.store
		for range 20 {
			name, what := list[m.random.IntN(len(list))], ""
			s, log := m.reopen(func(dir string) {
				m.must(os.WriteFile(filepath.Join(dir, list[1]+".tmp"), []byte("x"), 0o600)) // as a crash leaves it
				before, err := os.ReadFile(filepath.Join(dir, name))
				m.must(err)
				what = m.damage(dir, name, list)
				if after, _ := os.ReadFile(filepath.Join(dir, name)); bytes.Equal(before, after) {
					what = "untouched"
				}
			})
			if _, reported, _ := s.Faults(); name == list[1] && what != "untouched" && what != "removed" && reported != 1 {
				t.Errorf("%s %s: %d reported: %s", name, what, reported, log)
			}
			m.store = s
			m.check()
			m.must(s.Maintain())
			m.check()
			m.must(s.Close())
			m.store = original
		}
		if seed != 1 {
			m.must(m.store.Close())
		}
	}
}

// Without any snapshot that is whole, what the log has is there.
func TestAllSnapshotsAreDamaged(t *testing.T) {
	m := lived(t, rand.New(rand.NewPCG(12, 13)))
	list := m.files(snapshotDir)
	s, _ := m.reopen(func(dir string) {
		for _, name := range list {
			m.must(os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600))
		}
	})
	if _, reported, _ := s.Faults(); reported != keptSnapshots || s.NumSeries() == 0 {
		t.Errorf("%d reported, %d series", reported, s.NumSeries())
	}
	m.subset(s)
	m.must(s.Close())
	m.must(m.store.Close())
}

// A snapshot that cannot be written is an error, and the log keeps what it would have.
func TestASnapshotThatCannotBeWritten(t *testing.T) {
	m := newTrial(t, rand.New(rand.NewPCG(14, 15)))
	inTheWay := filepath.Join(m.dir, snapshotDir)
	m.must(os.WriteFile(inTheWay, nil, 0o600))
	failures := 0
	for range 200 {
		m.commit()
		if m.store.Maintain() != nil {
			failures++
		}
	}
	if failures == 0 || m.store.Close() == nil {
		t.Errorf("%d failures", failures)
	}
	m.must(os.Remove(inTheWay))
	m.open()
	m.check()
	m.must(m.store.Close())
}

// Whatever happens to a file of chunks, the store has all other samples, and none that it was not given. Damage is reported
// once, by the start or by the first that reads it.
func TestLawOfDamagedChunkFiles(t *testing.T) {
	m := lived(t, rand.New(rand.NewPCG(6, 7)))
	m.must(m.store.Close())
	list := m.files(filesDir)
	s, _ := m.reopen(func(string) {})
	all := m.count(s)
	m.must(s.Close())
	lost := 0
	for range 100 {
		name, what := list[m.random.IntN(len(list))], ""
		s, log := m.reopen(func(dir string) { what = m.damage(dir, name, list) })
		m.subset(s)
		m.subset(s)
		left := m.count(s)
		if _, reported, _ := s.Faults(); left < all && (reported != 1 || !strings.Contains(log.String(), filepath.Base(name))) {
			t.Errorf("%s %s: %d of %d samples, %d reported: %s", name, what, left, all, reported, log)
		}
		if left < all {
			lost++
		}
		m.must(s.Close())
	}
	if lost < 20 {
		t.Errorf("%d times samples were lost: the law shows little", lost)
	}
}

// count returns how many samples a store has that have to be there.
func (m *trial) count(s *Store) (n int) {
	q, err := s.Querier(0, math.MaxInt64)
	m.must(err)
	set := q.Select(m.Context(), false, nil)
	for set.Next() {
		for it := set.At().Iterator(nil); it.Next() != chunkenc.ValNone; {
			if m.kept(it.AtT()) {
				n++
			}
		}
	}
	return n
}

// A log that is gone takes nothing with it that a snapshot has, and what is appended from then on is found again, even if a
// snapshot is left that the log was to follow.
func TestALogThatIsGone(t *testing.T) {
	m := lived(t, rand.New(rand.NewPCG(8, 9)))
	m.must(m.store.Close())
	list := m.files(snapshotDir)
	left, err := os.ReadFile(filepath.Join(m.dir, list[1]))
	m.must(err)
	m.must(os.RemoveAll(filepath.Join(m.dir, "wal")))
	m.open()
	m.store.leastLog = math.MaxInt64
	m.check()
	if _, reported, _ := m.store.Faults(); reported != 1 {
		t.Errorf("%d reported", reported)
	}
	for range 2 {
		for range 30 {
			m.commit()
			m.must(m.store.Maintain())
		}
		m.must(os.WriteFile(filepath.Join(m.dir, list[1]), left, 0o600))
		m.crash()
		m.store.leastLog = math.MaxInt64
		m.check()
	}
	m.must(m.store.Close())
}

// A start after a stop reads no sample of the log, and a stop without samples writes nothing.
func TestAStopLeavesNothingToReplay(t *testing.T) {
	m := lived(t, rand.New(rand.NewPCG(10, 11)))
	m.must(m.store.Close())
	left := m.files(snapshotDir)
	for range 3 {
		m.open()
		if slices.ContainsFunc(m.store.epochs, func(e epoch) bool { return e.last != math.MinInt64 }) {
			t.Error("samples of the log are read")
		}
		m.check()
		m.must(m.store.Close())
	}
	if again := m.files(snapshotDir); !slices.Equal(left, again) {
		t.Errorf("%q, then %q", left, again)
	}
}
