package client

import (
	"math/rand/v2"
	"time"

	"trapline/internal/snmp"
)

// VirtualTarget is a target in memory that has instances of those names, and does not answer requests with a name that
// upsets it. Its time is that of a bubble of testing/synctest.
func VirtualTarget(names []snmp.OID, upsets func(snmp.OID) bool) (*Client, *Target) {
	agent := &virtualAgent{next: lexicographic(&names), size: 1200, names: &names, upsets: upsets}
	return virtualEngine(&virtualNet{r: rand.New(rand.NewPCG(1, 2)), latency: time.Millisecond, agent: agent})
}
