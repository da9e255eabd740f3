package scan

import (
	"errors"
	"net/netip"
	"path/filepath"
)

// heed takes over the failed logins that other scans have sent to addresses of the range: a device counts those of all.
// Which credentials they tried is not known, as each scan has a salt of its own.
func (s *state) heed(patterns []string, contains func(netip.Addr) bool) (failed error) {
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		failed = errors.Join(failed, err)
		for _, file := range files {
			if file == s.file {
				continue
			}
			other := &state{file: file, records: map[netip.Addr]*Record{}}
			if err := other.load(); err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			s.count(other.sorted(), contains)
		}
	}
	return failed
}

// count adds the failed logins of other records, and the times until which addresses are left alone.
func (s *state) count(others []*Record, contains func(netip.Addr) bool) {
	for _, r := range others {
		if len(r.Guard.Failed) == 0 && r.Guard.Until.IsZero() || !contains(r.Address) {
			continue
		}
		s.update(r.Address, func(ours *Record) {
			ours.Guard.merge(&Guard{Failed: r.Guard.Failed, Until: r.Guard.Until, HandsOff: r.Guard.HandsOff})
		})
	}
}
