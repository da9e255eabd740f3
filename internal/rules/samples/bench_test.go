//go:build unix

package samples

import (
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// fill appends polls of each minute of two days: half of the series are counters, half of them gauges.
func fill(b *testing.B, s *Store, series int) {
	random := rand.New(rand.NewPCG(1, 1))
	refs, values := make([]storage.SeriesRef, series), make([]float64, series)
	for now := range int64(2 * 24 * 60) {
		a := s.Appender()
		for i := range series {
			var l labels.Labels
			if refs[i] == 0 {
				l = labels.FromStrings(model.MetricNameLabel, fmt.Sprintf("octets%d_total", i%16), "target", fmt.Sprintf("switch-%d", i/96), "i", fmt.Sprintf("GigabitEthernet0/%d", i/16%6))
			}
			if values[i] = 10 + random.Float64()*50; i%2 == 0 {
				values[i] = float64(int64(values[i]*1e6)) + 1e9*float64(now)
			}
			ref, err := a.Append(refs[i], l, 1_700_000_000_000+now*60_000, values[i])
			if err != nil {
				b.Fatal(err)
			}
			refs[i] = ref
		}
		if err := a.Commit(); err != nil {
			b.Fatal(err)
		}
		if err := s.Maintain(); err != nil {
			b.Fatal(err)
		}
	}
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func processTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// diskSize is the size of the files in a directory.
func diskSize(b *testing.B, dir string) (size float64) {
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			info, failed := entry.Info()
			if err = failed; err == nil {
				size += float64(info.Size())
			}
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}

// The memory of a series if rules read two days, and the time of a start.
func BenchmarkTwoDays(b *testing.B) {
	const series = 2000
	dir := filepath.Join(b.TempDir(), "stop")
	begin := func() *Store {
		s, err := Open(dir, 48*time.Hour, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	before, cpu := heap(), processTime()
	s := begin()
	fill(b, s, series)
	b.Logf("%.0f B of memory and %.1f kB of disk for a series, %v CPU", (heap()-before)/series, diskSize(b, dir)/series/1000, processTime()-cpu)
	crashed := filepath.Join(b.TempDir(), "crash")
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		b.Fatal(err)
	}
	cpu = processTime()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.Logf("stop: %v CPU, %.1f kB of disk", processTime()-cpu, diskSize(b, dir)/series/1000)
	for _, source := range []string{dir, crashed} {
		b.Run(filepath.Base(source), func(b *testing.B) {
			cpu := time.Duration(0)
			for b.Loop() {
				b.StopTimer()
				dir = filepath.Join(b.TempDir(), "s")
				if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
					b.Fatal(err)
				}
				before := heap()
				b.StartTimer()
				cpu -= processTime()
				s := begin()
				cpu += processTime()
				b.StopTimer()
				b.ReportMetric((heap()-before)/series, "B/series")
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}
