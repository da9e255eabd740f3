package setting

import (
	"strings"
	"testing"
)

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"64MiB": 64 << 20, "1 GiB": 1 << 30, "20kB": 20_000, "20KB": 20_000, "5MB": 5_000_000, "7B": 7, "4096": 4096, "0": 0, "1GB": 1e9, "3KiB": 3072,
	} {
		if got, err := ParseBytes(text); err != nil || got.N != want {
			t.Errorf("%s: %d, %v", text, got.N, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "-1MiB", "1.5MiB", "64 mib", "9999999999GiB", "1e6", "64MiBB"} {
		b, err := ParseBytes(text)
		if err == nil || len(b.Problems()) != 1 || !strings.Contains(b.Problems()[0].Text, "write one such as 64MiB") {
			t.Errorf("%q: %v, %v", text, b, err)
		}
	}
}
