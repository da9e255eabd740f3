// Package trapline is the configuration that ships with the program; the program is in cmd/trapline.
package trapline

import _ "embed"

// DefaultConfig is snmp.yml as it ships: modules for common devices, and no targets.
//
//go:embed snmp.yml
var DefaultConfig []byte
