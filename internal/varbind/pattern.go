package varbind

import (
	"strings"

	"trapline/internal/snmp"
)

// Pattern matches OIDs of notifications.
type Pattern struct {
	oid   snmp.OID
	below bool // all below oid
	any   bool
}

// Pattern parses the name of a notification, its OID, or all OIDs below one, as in 1.3.6.1.4.1.9.*; * stands for all.
func (n Names) Pattern(word string) (p Pattern, err error) {
	if word == "*" {
		return Pattern{any: true}, nil
	}
	if subtree, below := strings.CutSuffix(word, ".*"); below {
		p.below = true
		p.oid, err = n.OID(subtree)
		return p, err
	}
	p.oid, _, err = n.Notification(word)
	return p, err
}

// Matches reports whether an OID matches.
func (p *Pattern) Matches(o snmp.OID) bool {
	switch {
	case p.any:
		return true
	case p.below:
		return len(o) > len(p.oid) && o.HasPrefix(p.oid)
	}
	return o.Compare(p.oid) == 0
}
