package samples

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, time.Hour, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var heat = labels.FromStrings(model.MetricNameLabel, "heat")

// Append returns an error with the reason, and samples that are out of order are counted.
func TestRefusedSamples(t *testing.T) {
	s := open(t, t.TempDir())
	a := s.Appender()
	ref, err := a.Append(0, heat, 1000, 1)
	if err := errors.Join(err, a.Commit()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		ref    storage.SeriesRef
		labels labels.Labels
		t      int64
		v      float64
		want   error
	}{
		{"the same again", ref, heat, 1000, 1, nil},
		{"another value", ref, heat, 1000, 2, storage.ErrDuplicateSampleForTimestamp},
		{"too early", 0, heat, 999, 1, storage.ErrOutOfOrderSample},
		{"no series", ref + 1, labels.EmptyLabels(), 2000, 1, ErrUnknownSeries},
	} {
		if _, err := s.Appender().Append(test.ref, test.labels, test.t, test.v); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := s.Appender().Append(0, labels.FromStrings("a", "1", "a", "2"), 2000, 1); err == nil {
		t.Error("a label may be there twice")
	}
	if refused, corrupted, unwritten := s.Faults(); refused != 1 || corrupted+unwritten != 0 || s.NumSeries() != 1 || s.MinTime() != 1000 || s.MaxTime() != 1000 {
		t.Errorf("%d refused, %d corrupted, %d unwritten, %d series", refused, corrupted, unwritten, s.NumSeries())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	late := s.Appender()
	if _, err := late.Append(ref, heat, 3000, 1); err != nil {
		t.Fatal(err)
	}
	if late.Commit() == nil {
		t.Error("a store that is closed takes samples")
	}
	if _, _, unwritten := s.Faults(); unwritten != 1 {
		t.Errorf("%d unwritten", unwritten)
	}
}

// The blocks of Prometheus' storage in the directory are removed.
func TestBlocksAreRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"chunks_head", "01JZZZZZZZZZZZZZZZZZZZZZZZ", "wal"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, name), 0o700), os.WriteFile(filepath.Join(dir, name, "000001"), []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "wal" {
		t.Errorf("left: %q, %v", left, err)
	}
}
