package anonymize

import (
	"fmt"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/snmp"
)

// hostile are recordings that take long where work grows with the product of what they have.
var hostile = map[string]func(n int) *agent.Recording{
	"identities": func(n int) *agent.Recording {
		var b agent.Builder
		for i := range n {
			b.Add(snmp.AppendArc(snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1.18"), uint32(i+1)), snmp.OctetString, fmt.Appendf(nil, "customer %d of %d", i, i*7919))
		}
		return b.Recording()
	},
	"one letter": func(n int) *agent.Recording {
		var b agent.Builder
		for i := range n / 16 {
			b.Add(snmp.AppendArc(snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1.18"), uint32(i+1)), snmp.OctetString, []byte(strings.Repeat("a", 16*i)+"b"))
			b.Add(snmp.AppendArc(snmp.MustParseOID("1.3.6.1.4.1.99999.1"), uint32(i+1)), snmp.OctetString, []byte(strings.Repeat("a", 16*i)))
		}
		return b.Recording()
	},
	"MACs": func(n int) *agent.Recording {
		var b agent.Builder
		for i := range n {
			b.Add(snmp.AppendArc(snmp.MustParseOID("1.3.6.1.2.1.2.2.1.6"), uint32(i+1)), snmp.OctetString, []byte{0, 1, 2, byte(i >> 16), byte(i >> 8), byte(i)})
		}
		return b.Recording()
	},
	"addresses": func(n int) *agent.Recording {
		var b agent.Builder
		name := snmp.MustParseOID("1.3.6.1.2.1.4.20.1.1")
		for i := range n {
			b.Add(snmp.AppendArc(snmp.AppendArc(snmp.AppendArc(snmp.AppendArc(append(snmp.OID{}, name...), 10), uint32(i>>16)), uint32(i>>8&255)), uint32(i&255)), snmp.IPAddress, []byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		}
		return b.Recording()
	},
	"dots": func(n int) *agent.Recording {
		var b agent.Builder
		for i := range 4 {
			b.Add(snmp.AppendArc(snmp.MustParseOID("1.3.6.1.4.1.99999.1"), uint32(i+1)), snmp.OctetString, []byte(strings.Repeat("a.1:", n)))
		}
		return b.Recording()
	},
}

func BenchmarkHostile(b *testing.B) {
	tree := allMIBs(b)
	for name, made := range hostile {
		for _, n := range []int{1000, 2000, 4000} {
			r := made(n)
			b.Run(fmt.Sprintf("%s/%d/replace", name, n), func(b *testing.B) {
				for b.Loop() {
					New([]byte("key"), tree).Recording(r)
				}
			})
			anonymous := New([]byte("key"), tree).Recording(r)
			b.Run(fmt.Sprintf("%s/%d/verify", name, n), func(b *testing.B) {
				for b.Loop() {
					Leaks(r, anonymous, tree)
				}
			})
		}
	}
}
