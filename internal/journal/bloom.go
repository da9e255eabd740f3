package journal

// bloom is a Bloom filter: once in two thousand times, it reports a key that it does not have.
type bloom []byte

const bitsPerKey, probes = 16, 11

func newBloom(keys map[uint64]struct{}) bloom {
	b := make(bloom, len(keys)*bitsPerKey/8+1)
	for k := range keys {
		b.each(k, func(at, bit int) bool { b[at] |= 1 << bit; return true })
	}
	return b
}

func (b bloom) mayHave(k uint64) bool {
	return b.each(k, func(at, bit int) bool { return b[at]&(1<<bit) != 0 })
}

// each calls do for the bits of a key until it returns false.
func (b bloom) each(k uint64, do func(at, bit int) bool) bool {
	step := k>>33 | 1
	for range probes {
		at := k % uint64(len(b)*8)
		if !do(int(at/8), int(at%8)) {
			return false
		}
		k += step
	}
	return true
}

// hashOf is FNV-1a of a field and its value, mixed so that all bits depend on all.
func hashOf(field, value string) uint64 {
	h := uint64(14695981039346656037)
	for _, text := range [...]string{field, "=", value} {
		for i := range len(text) {
			h = (h ^ uint64(text[i])) * 1099511628211
		}
	}
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}
