package poller

import (
	"bytes"
	"time"

	"trapline/internal/snmp"
)

// sysUpTime is the time since the agent began (RFC 3418), in hundredths of a second.
var sysUpTime = snmp.MustParseOID("1.3.6.1.2.1.1.3")

// uptimeModulus is how many hundredths of a second sysUpTime goes through until it begins at 0 again, which is 497 days.
const uptimeModulus = 1 << 32

// noteUptime counts a reboot where the agent began anew after the last poll that asked for its sysUpTime. It reports
// whether it did.
func (s *state) noteUptime(p *Pass) (rebooted bool) {
	now, ok := p.uptime()
	if !ok {
		return false
	}
	at := p.middle()
	if !s.uptimeAt.IsZero() {
		rebooted = restarted(s.uptime, now, at.Sub(s.uptimeAt))
	}
	if s.uptime, s.uptimeAt = now, at; rebooted {
		s.reboots.Add(1)
	}
	return rebooted
}

// restarted reports whether an agent began anew between two values of its sysUpTime: the second one is less than the
// first, or less than the time between them, and did not come round. Of a value that stands still, nothing is known.
func restarted(last, now float64, elapsed time.Duration) bool {
	hundredths := float64(elapsed / (10 * time.Millisecond))
	slack := hundredths/100 + 1000 // of clocks, of answers that take their time, and of agents that count in seconds
	if last+hundredths+slack >= uptimeModulus && now <= hundredths+slack {
		return now+slack < last+hundredths-uptimeModulus
	}
	return now < last || now > last && now+slack < hundredths
}

// uptime is the agent's sysUpTime in hundredths of a second.
func (p *Pass) uptime() (float64, bool) {
	for _, set := range p.Sets {
		for i := range set.Columns {
			c := &set.Columns[i]
			if c.Len() != 1 || c.Desc.Derived || !bytes.Equal(c.Desc.Object, sysUpTime) {
				continue
			}
			if c.Desc.Scale != 0 {
				return (c.Values[0] - c.Desc.Offset) / c.Desc.Scale, true
			}
			return c.Values[0] - c.Desc.Offset, true
		}
	}
	return 0, false
}
