package seek

import (
	"log/slog"
	"net/netip"

	"trapline/internal/access"
	"trapline/internal/neighbours"
)

// Surroundings are the parts of the configuration that a list depends on, and that may change under way.
type Surroundings struct {
	Logger   *slog.Logger
	Auths    map[string]*access.Auth
	StateDir string
	Names    map[string]bool     // of all targets
	Unread   bool                // a target of another list, or of the configuration, has not said yet which addresses it has
	Taken    map[netip.Addr]bool // addresses of targets of the configuration and of other lists
	Near     *neighbours.Nearby
	Spread   func(*Neighbours) []neighbours.Candidate
}

// Dependent is a list that depends on them.
type Dependent interface{ DependOn(func() Surroundings) }
