package scan

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// Candidate is an auth that devices may answer to.
type Candidate struct {
	Name string
	Auth *access.Auth
}

// credential is a candidate with its secrets.
type credential struct {
	Candidate

	principal access.Principal
	digest    string // of all that a login sends, by which state files know it
}

func (c *credential) v3() bool { return c.principal.Version == snmp.V3 }

// newCredential reads the secrets. The salt keeps digests of one state file from being compared with those of others.
func newCredential(c Candidate, salt []byte) (*credential, error) {
	p, err := c.Auth.Principal()
	if err != nil {
		return nil, fmt.Errorf("auth %s: %w", c.Name, err)
	}
	h := hmac.New(sha256.New, salt)
	fmt.Fprintf(h, "%d %q", p.Version, p.Community)
	if p.User != nil {
		auth, priv, err := p.User.LocalizedKeys(salt)
		if err != nil {
			return nil, fmt.Errorf("auth %s: %w", c.Name, err)
		}
		fmt.Fprintf(h, " %q %d %x %d %x", p.User.Name, p.User.Auth, auth, p.User.Priv, priv)
	}
	return &credential{c, p, hex.EncodeToString(h.Sum(nil)[:12])}, nil
}

// sameLogin reports whether two credentials are one and the same to a device.
func sameLogin(a, b *credential) bool { return a.digest == b.digest }
