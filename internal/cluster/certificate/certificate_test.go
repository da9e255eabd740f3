package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	random "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newAuthority(t *testing.T, name string, now time.Time) *authority {
	t.Helper()
	a := &authority{certificate: &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(9, 0, 0)}}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, err := x509.CreateCertificate(rand.Reader, a.certificate, a.certificate, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A certificate has a problem exactly if another member refuses it, as that of a server or of a client.
func TestCertificatesAreInspectedAsOthersDo(t *testing.T) {
	now, dir, member := time.Now(), t.TempDir(), "poller-1"
	ours, other := newAuthority(t, "ours", now), newAuthority(t, "other", now)
	files := Files{CA: writePEM(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", ours.certificate.Raw)}
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	private, _ := x509.MarshalECPrivateKey(key)
	files.Key, files.Certificate = writePEM(t, filepath.Join(dir, "key.pem"), "EC PRIVATE KEY", private), filepath.Join(dir, "cert.pem")
	names := [][]string{{member}, {"*.site"}, {"somebody", member}, {"somebody"}, nil}
	usages := [][]x509.ExtKeyUsage{{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, {x509.ExtKeyUsageServerAuth}, {x509.ExtKeyUsageClientAuth}, {x509.ExtKeyUsageAny}, nil}
	r := random.New(random.NewPCG(1, 1))
	accepted := 0
	for range 200 {
		signer := ours
		if r.IntN(4) == 0 {
			signer = other
		}
		leaf := &x509.Certificate{SerialNumber: big.NewInt(2), KeyUsage: x509.KeyUsageDigitalSignature, DNSNames: names[r.IntN(len(names))], ExtKeyUsage: usages[r.IntN(len(usages))],
			NotBefore: now.AddDate(0, 0, r.IntN(5)-4), NotAfter: now.AddDate(0, 0, r.IntN(30)-4)}
		der, err := x509.CreateCertificate(rand.Reader, leaf, signer.certificate, key.Public(), signer.key)
		if err != nil {
			t.Fatal(err)
		}
		writePEM(t, files.Certificate, "CERTIFICATE", der)
		pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
		if err != nil {
			t.Fatal(err)
		}
		got := Inspect(files, member, now)
		soon := got.Problem != nil && strings.Contains(got.Problem.Error(), "replace cert_file")
		if want := shaken(t, ours, pair, member); (got.Problem == nil || soon) != want {
			t.Errorf("names %v, usages %v, from %v to %v, by %s: accepted %v, problem %v", leaf.DNSNames, leaf.ExtKeyUsage, leaf.NotBefore, leaf.NotAfter, signer.certificate.Subject, want, got.Problem)
		} else if want {
			accepted++
		}
		if got.Problem == nil && leaf.NotAfter.Sub(now) < 14*24*time.Hour {
			t.Errorf("it ends at %v, and there is no problem", leaf.NotAfter)
		}
	}
	if accepted < 10 {
		t.Errorf("%d certificates were accepted", accepted)
	}
}

// shaken reports whether a member with a certificate and another one accept each other, whoever calls.
func shaken(t *testing.T, a *authority, pair tls.Certificate, member string) bool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	serving := func(server, client *tls.Config) bool {
		l, err := net.Listen("tcp", "127.0.68.92:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		served := make(chan error, 1)
		go func() {
			conn, err := l.Accept()
			if err == nil {
				err = tls.Server(conn, server).Handshake()
				conn.Close()
			}
			served <- err
		}()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		err = tls.Client(conn, client).Handshake()
		conn.Close()
		return <-served == nil && err == nil
	}
	pairs := []tls.Certificate{pair}
	return serving(&tls.Config{Certificates: pairs}, &tls.Config{RootCAs: pool, ServerName: member}) &&
		serving(&tls.Config{Certificates: pairs, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}, &tls.Config{Certificates: pairs, InsecureSkipVerify: true})
}
