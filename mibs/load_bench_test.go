package mibs

import (
	"os"
	"path/filepath"
	"testing"
	"trapline/internal/corpus"
)

// BenchmarkLoadAll reads the whole corpus: the index, the files, and all OIDs and types.
func BenchmarkLoadAll(b *testing.B) {
	dir := corpus.MIBs(b, corpus.Large(b, "mibs"))
	count, octets := sizes(b, dir)
	b.SetBytes(octets)
	b.ReportAllocs()
	for b.Loop() {
		d, err := OpenDirectories(dir)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := LoadAll(d); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

func sizes(b *testing.B, dir string) (files int, octets int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		files, octets = files+1, octets+info.Size()
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return files, octets
}
