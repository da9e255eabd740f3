// Package certificate looks at the certificate of a member as the other members do, which refuse it without a reason.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// Files are those of mutual TLS.
type Files struct{ CA, Certificate, Key string }

// Found is a certificate as other members see it.
type Found struct {
	Ends    time.Time // zero if it cannot be read
	Key     string    // of the setting with the problem
	Problem error     // why others refuse it, or will soon; nil: they do not
}

// soon is how long before its end a certificate is reported.
const soon = 14 * 24 * time.Hour

// EndsSoon reports whether a certificate is to be replaced, given its end, which is zero without one.
func EndsSoon(ends, now time.Time) bool { return !ends.IsZero() && ends.Sub(now) < soon }

// Inspect reads the files of a member.
func Inspect(f Files, member string, now time.Time) Found {
	text, err := os.ReadFile(f.CA)
	if err != nil {
		return Found{Key: "ca_file", Problem: err}
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(text) {
		return Found{Key: "ca_file", Problem: fmt.Errorf("%s has no certificate", f.CA)}
	}
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return Found{Key: "cert_file", Problem: err}
	}
	c := Found{Ends: pair.Leaf.NotAfter, Key: "cert_file"}
	chain := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		if one, err := x509.ParseCertificate(der); err == nil {
			chain.AddCert(one)
		}
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: authority, Intermediates: chain, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
		if wrong := (x509.CertificateInvalidError{}); errors.As(err, &wrong) && wrong.Reason == x509.IncompatibleUsage {
			err = fmt.Errorf("it is for servers or for clients alone: write extendedKeyUsage = serverAuth, clientAuth (%w)", err)
		}
		if err != nil {
			c.Problem = fmt.Errorf("other members refuse %s: %w", f.Certificate, err)
			return c
		}
	}
	if err := pair.Leaf.VerifyHostname(member); err != nil {
		c.Problem = fmt.Errorf("other members refuse %s: it is not for the name of this member, %s: write that into subjectAltName (%w)", f.Certificate, member, err)
	} else if EndsSoon(c.Ends, now) {
		c.Problem = fmt.Errorf("%s ends at %s: replace cert_file and key_file, which are read again", f.Certificate, c.Ends.UTC().Format(time.RFC3339))
	}
	return c
}
