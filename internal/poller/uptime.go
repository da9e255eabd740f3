package poller

import (
	"bytes"

	"trapline/internal/snmp"
)

// sysUpTime is the time since the agent began (RFC 3418), in hundredths of a second.
var sysUpTime = snmp.MustParseOID("1.3.6.1.2.1.1.3")

// noteUptime counts a reboot where sysUpTime is less than it was, unless it came round: it does so after
// 2^32 hundredths of a second, which is 497 days. It reports whether there was one.
func (s *state) noteUptime(p *Pass) (rebooted bool) {
	now, ok := p.uptime()
	if !ok {
		return false
	}
	if rebooted = now < s.uptime && !cameRound(s.uptime); rebooted {
		s.reboots.Add(1)
	}
	s.uptime = now
	return rebooted
}

func (p *Pass) uptime() (float64, bool) {
	for _, set := range p.Sets {
		for i := range set.Columns {
			if c := &set.Columns[i]; c.Len() == 1 && bytes.Equal(c.Desc.Object, sysUpTime) {
				return c.Values[0], true
			}
		}
	}
	return 0, false
}

// cameRound tells whether a value is so near the end of its range that the next may lie behind it. It may
// have been scaled to seconds.
func cameRound(last float64) bool {
	const hundredths, lastDay = 1 << 32, 24 * 60 * 60 * 100
	return last > hundredths-lastDay || last > (hundredths-lastDay)/100 && last <= hundredths/100
}
