// Package client carries requests to targets and answers back: sockets, retries, versions, sessions.
// It knows no metrics and no schedule.
package client

import (
	"cmp"
	"time"

	"trapline/internal/mux"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Params are the walk parameters of a module or, where set, of a target, which then win. The zero
// value of a field means: not set here.
type Params struct {
	MaxRepetitions          *uint32          `yaml:"max_repetitions,omitempty"`            // rows asked for at once (GETBULK); default as many as fit one packet
	Retries                 *int             `yaml:"retries,omitempty"`                    // requests sent again without an answer; default 3
	Timeout                 setting.Duration `yaml:"timeout,omitempty"`                    // of each request; default 5s
	MaxRows                 int              `yaml:"max_rows,omitempty"`                   // rows of one walk
	MaxBytes                int              `yaml:"max_bytes,omitempty"`                  // octets of answers that one poll may hold; default 67108864
	MaxRequests             int              `yaml:"max_requests,omitempty"`               // requests of one walk, retransmissions not counted
	MaxWindow               int              `yaml:"max_window,omitempty"`                 // requests outstanding at once, at most 16; with 1, one after the other
	MaxVarBindRate          int              `yaml:"max_varbinds_per_second,omitempty"`    // variable bindings asked for in a second; default no limit
	UseUnconnectedUDPSocket bool             `yaml:"use_unconnected_udp_socket,omitempty"` // accepts answers from another address than was asked
	AllowNonIncreasingOIDs  bool             `yaml:"allow_nonincreasing_oids,omitempty"`   // reads agents whose OIDs do not increase
}

// Defaults of Params.
const (
	DefaultMaxRepetitions = 25
	DefaultRetries        = 3
	DefaultTimeout        = 5 * time.Second
)

// WithDefaults returns the parameters of p and, where p sets none, those of below.
func (p Params) WithDefaults(below Params) Params {
	if p.MaxRepetitions == nil {
		p.MaxRepetitions = below.MaxRepetitions
	}
	if p.Retries == nil {
		p.Retries = below.Retries
	}
	if p.Timeout.Duration == 0 {
		p.Timeout = below.Timeout
	}
	p.MaxRows = cmp.Or(p.MaxRows, below.MaxRows)
	p.MaxBytes = cmp.Or(p.MaxBytes, below.MaxBytes)
	p.MaxRequests = cmp.Or(p.MaxRequests, below.MaxRequests)
	p.MaxWindow = cmp.Or(p.MaxWindow, below.MaxWindow)
	p.MaxVarBindRate = cmp.Or(p.MaxVarBindRate, below.MaxVarBindRate)
	p.UseUnconnectedUDPSocket = p.UseUnconnectedUDPSocket || below.UseUnconnectedUDPSocket
	p.AllowNonIncreasingOIDs = p.AllowNonIncreasingOIDs || below.AllowNonIncreasingOIDs
	return p
}

// Problems reports values that no request could carry.
func (p Params) Problems() []setting.Problem {
	var m setting.Problems
	if p.Retries != nil && *p.Retries < 0 {
		m.Add("retries", "a number of retries is 0 or more")
	}
	if p.MaxRows < 0 {
		m.Add("max_rows", "a number of rows is 1 or more (0: no limit)")
	}
	if p.MaxBytes < 0 {
		m.Add("max_bytes", "a number of octets is 1 or more (0: the default, 67108864)")
	}
	if p.MaxRequests < 0 {
		m.Add("max_requests", "a number of requests is 1 or more (0: no limit)")
	}
	if p.MaxWindow < 0 || p.MaxWindow > mux.MaxWindow {
		m.Add("max_window", "a number of requests at once is 1 to %d (0: the default, %d)", mux.MaxWindow, mux.DefaultWindow)
	}
	if p.MaxVarBindRate < 0 {
		m.Add("max_varbinds_per_second", "a number of variable bindings is 1 or more (0: no limit)")
	}
	if p.MaxRepetitions != nil && *p.MaxRepetitions > 1<<31-1 {
		m.Add("max_repetitions", "max_repetitions ends at 2147483647")
	}
	return m
}

// Plan lists the objects to request in one Poll.
type Plan struct {
	Get     []snmp.OID // instances
	Next    []snmp.OID // the successor of each of these, many in one request
	Walk    []snmp.OID // subtrees, each to its end
	Columns []snmp.OID // instead of Walk, the parts of it that are wanted; nil means all of it
	Alone   bool       // nothing else is asked of the target: if it does not answer this, it is not asked whether it answers at all
	ToEnd   bool       // walks go on past the end of their subtree, to the end of the MIB
	Filter  bool       // the answer decides which rows are asked for
	Params  Params
}
