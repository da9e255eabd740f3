package ledger_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"trapline/internal/ledger"
)

var awkward = []string{"", "nms", "a/b", "a%2Fb", "%", "%25", "//", "ä/\x00", "dead/nms/"}

// Keys keep their parts apart, and those of numbers are in the order of the numbers.
func TestKeysKeepTheirPartsApart(t *testing.T) {
	seen := map[string]bool{}
	for _, receiver := range awkward {
		for _, name := range awkward {
			key := ledger.Named(ledger.Of(ledger.View, receiver), name)
			if seen[key] {
				t.Errorf("the key %q is of two records", key)
			}
			seen[key] = true
			if r, n := ledger.CutReceiver(strings.TrimPrefix(key, ledger.View)); r != receiver || n != name {
				t.Errorf("%q of %q has the key %q, which is %q of %q", name, receiver, key, n, r)
			}
		}
	}
	numbers := []uint64{0, 1, 9, 10, 15, 16, 255, 256, 1 << 32, ^uint64(0)}
	for range 100 {
		numbers = append(numbers, rand.Uint64()>>rand.IntN(64))
	}
	slices.Sort(numbers)
	var keys []string
	for _, n := range numbers {
		keys = append(keys, ledger.Numbered(ledger.Event, n))
		if got, err := ledger.ParseNumber(strings.TrimPrefix(keys[len(keys)-1], ledger.Event)); got != n || err != nil {
			t.Errorf("%d is read as %d, %v", n, got, err)
		}
	}
	if !slices.IsSorted(keys) {
		t.Errorf("out of order: %q", keys)
	}
	for _, text := range []string{"", "1", "000000000000000g", "00000000000000001", "+00000000000000a", "00000000000000AB"} {
		if n, err := ledger.ParseNumber(text); err == nil {
			t.Errorf("%q is read as %d", text, n)
		}
	}
}
