package notify

import (
	"fmt"
	"strings"

	"trapline/internal/access"
	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// CreateUser returns the createUser line that Net-SNMP's snmptrapd needs to accept our traps of SNMPv3, or "" for
// receivers that need none. Its keys are localized to our engine.
func (r *ReceiverSettings) CreateUser(a *access.Auth, id []byte) (string, error) {
	if !r.SendsTrapsOfEngine(a) {
		return "", nil
	}
	p, err := a.Principal()
	if err != nil {
		return "", err
	}
	auth, priv, err := p.User.LocalizedKeys(id)
	if err != nil {
		return "", err
	}
	line := fmt.Sprintf("createUser -e 0x%x %s", id, p.User.Name)
	if auth != nil {
		line += fmt.Sprintf(" %s -l 0x%x", netSNMPName(p.User.Auth), auth)
	}
	if priv != nil {
		line += fmt.Sprintf(" %s -l 0x%x", p.User.Priv, priv)
	}
	return line, nil
}

// SendsTrapsOfEngine reports whether the receiver must know our engine: it is sent traps of SNMPv3.
func (r *ReceiverSettings) SendsTrapsOfEngine(a *access.Auth) bool {
	return r.Type == "trap" && a.Version == 3
}

// createUser is the line of snmptrapd.conf for a receiver's user. A trap is of our engine, an inform of the receiver's.
func createUser(r *ReceiverSettings, p *access.Principal, identity *originator.Identity) string {
	line := "createUser "
	if r.Type == "trap" && identity != nil {
		line += fmt.Sprintf("-e 0x%x ", identity.ID)
	}
	line += p.User.Name
	if p.User.Auth != snmp.NoAuth {
		line += " " + netSNMPName(p.User.Auth) + ` "…"`
	}
	if p.User.Priv != snmp.NoPriv {
		line += " " + p.User.Priv.String() + ` "…"`
	}
	return line
}

// netSNMPName is the name that Net-SNMP has for an authentication protocol: SHA-256 for SHA256.
func netSNMPName(p snmp.AuthProtocol) string {
	return strings.TrimSuffix(strings.Replace(p.String(), "SHA", "SHA-", 1), "-")
}
