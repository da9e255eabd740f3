package enginetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority issues the certificate of the members in a test, to files.
type Authority struct {
	CAFile, CertFile, KeyFile string

	t           *testing.T
	hosts       []string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority returns an authority whose certificate for these hosts has the serial number 1.
func NewAuthority(t *testing.T, hosts ...string) *Authority {
	t.Helper()
	dir := t.TempDir()
	a := &Authority{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), t: t, hosts: hosts}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.certificate = &x509.Certificate{SerialNumber: big.NewInt(0), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	a.write(a.CAFile, "CERTIFICATE", a.sign(a.certificate, a.key))
	a.Issue(1)
	return a
}

// Issue replaces the files of the members' certificate by another one.
func (a *Authority) Issue(serial int64) {
	a.t.Helper()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "member"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, host := range a.hosts {
		leaf.IPAddresses = append(leaf.IPAddresses, net.ParseIP(host))
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(a.KeyFile, "EC PRIVATE KEY", der)
	a.write(a.CertFile, "CERTIFICATE", a.sign(leaf, key))
}

// Client returns the settings of a client with the certificate of the members, which does not check that of the server.
func (a *Authority) Client() *tls.Config {
	a.t.Helper()
	pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}}
}

// Serial returns the serial number of the certificate of a server.
func (a *Authority) Serial(address string) int64 {
	a.t.Helper()
	conn, err := tls.Dial("tcp", address, a.Client())
	if err != nil {
		a.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// Refused reports whether a server answers nothing to a client with these settings.
func Refused(address string, c *tls.Config) bool {
	conn, err := tls.Dial("tcp", address, c)
	if err != nil {
		return true
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = conn.Write([]byte("GET /version HTTP/1.1\r\nHost: x\r\n\r\n"))
	_, err = conn.Read(make([]byte, 1))
	return err != nil
}

func (a *Authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	a.t.Helper()
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

func (a *Authority) write(file, kind string, der []byte) {
	a.t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}
