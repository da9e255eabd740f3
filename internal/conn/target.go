// Package conn finds targets and opens connections of one's own to them, where the multiplexer does not serve: TCP,
// other SNMP libraries, and discoveries.
package conn

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"trapline/internal/access"
	"trapline/internal/mux"
)

// Spec says which target to talk to and as whom.
type Spec struct {
	Address         string // [transport://]host[:port]
	Auth            *access.Auth
	Context         string // overrides the auth's context name
	ContextEngineID string // octets, not hex; SNMPv3 only
	Source          netip.AddrPort
	Interface       string // network interface to send from; empty leaves that to the system
	Engine          string // Gosnmp, or empty for Trapline's own
}

// Target is where a Spec leads to, and as whom.
type Target struct {
	Spec    Spec // without Auth
	Auth    *access.Auth
	Address access.Address
	Env     *Env

	resolved resolved
}

// LogValue names the target in logs.
func (t *Target) LogValue() slog.Value { return slog.StringValue(t.Spec.Address) }

// Env is shared by all targets.
type Env struct {
	Logger  *slog.Logger
	Metrics *mux.Metrics
	Secrets access.SecretFiles
	Ports   Ports
	Resolve func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Limits are the settings of one poll that its connection needs.
type Limits struct {
	Timeout     time.Duration // of each attempt
	Retries     int
	Unconnected bool // answers may come from another address
	Alone       bool // nothing else is asked of the target: no probe either
}
