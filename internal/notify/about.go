package notify

import (
	"fmt"
	"strings"

	"trapline/internal/access"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
	"trapline/internal/snmp"
)

func about(r *ReceiverSettings, c *Dependencies) queue.About {
	a := queue.About{Type: r.Type, Address: r.Address, Auth: r.Auth}
	if kinds[r.Type].url {
		a.Address = r.URL.String()
		return a
	}
	a.Format = r.formatName(c.Settings)
	auth := c.Auths[r.Auth]
	if auth == nil {
		return a
	}
	p, err := auth.Principal()
	if err != nil {
		return a
	}
	switch p.Version {
	case snmp.V1:
		a.Version = "1"
	case snmp.V2c:
		a.Version = "2c"
	case snmp.V3:
		a.Version, a.User = "3", p.User.Name
		a.CreateUser = createUser(r, &p, c.Identity)
	}
	return a
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
