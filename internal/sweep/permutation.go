package sweep

import "math/bits"

// permutation is one of the numbers 0 to n-1: a Feistel network of four rounds, walked until it stays in the range. The
// key says which; no table is kept.
type permutation struct {
	n, key uint64
	half   uint // bits of each half
}

func newPermutation(n, key uint64) permutation {
	return permutation{n: n, key: key, half: uint(max(1, (bits.Len64(n-1)+1)/2))}
}

const rounds = 4

// at returns the number in place i.
func (p *permutation) at(i uint64) uint64 {
	for {
		left, right := i>>p.half, i&p.mask()
		for r := range uint64(rounds) {
			left, right = right, left^p.mix(right, r)
		}
		if i = left<<p.half | right; i < p.n {
			return i
		}
	}
}

// place returns the place of a number.
func (p *permutation) place(i uint64) uint64 {
	for {
		left, right := i>>p.half, i&p.mask()
		for r := range uint64(rounds) {
			left, right = right^p.mix(left, rounds-1-r), left
		}
		if i = left<<p.half | right; i < p.n {
			return i
		}
	}
}

func (p *permutation) mask() uint64 { return 1<<p.half - 1 }

// mix is the round function, made of the finalizer of SplitMix64.
func (p *permutation) mix(half, round uint64) uint64 { return mix(half^p.key^(round+1)<<56) & p.mask() }

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
