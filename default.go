// Package trapline is the configuration that ships with the program; the program is in cmd/trapline.
package trapline

import "embed"

// DefaultConfig is snmp.yml as it ships: modules for common devices, and no targets.
//
//go:embed snmp.yml
var DefaultConfig []byte

// Rules are the rule files that ship with the program, for what the modules of DefaultConfig and the built-in
// profiles yield.
//
//go:embed rules/*.yml
var Rules embed.FS
