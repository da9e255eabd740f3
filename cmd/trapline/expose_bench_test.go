package main

import (
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"trapline/internal/agent"
)

// BenchmarkGzip compresses a scrape of a switch as expose does, and as the usual level would. It reports the ratios
// of processor time and of octets.
func BenchmarkGzip(b *testing.B) {
	device := startSwitch(b, agent.Faults{})
	_, _, text := get(b, startServerWith(b, "--config.file=../../snmp.yml")+"/snmp?module=system,if_mib&target="+device)
	scrape := []byte(text)
	b.SetBytes(int64(2 * 10 * len(scrape)))
	compress := func(level int) (took time.Duration, size int64) {
		var n counter
		z, err := gzip.NewWriterLevel(&n, level)
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		for range 10 {
			z.Reset(&n)
			_, _ = z.Write(scrape)
			_ = z.Close()
		}
		return time.Since(begin), int64(n)
	}
	var fast, usual time.Duration
	var fastSize, usualSize int64
	for b.Loop() {
		took, size := compress(gzip.BestSpeed)
		fast, fastSize = fast+took, size
		took, size = compress(gzip.DefaultCompression)
		usual, usualSize = usual+took, size
	}
	b.ReportMetric(float64(fast)/float64(usual), "time-ratio")
	b.ReportMetric(float64(fastSize)/float64(usualSize), "size-ratio")
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
