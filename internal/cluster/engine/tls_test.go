package engine

import (
	"crypto/tls"
	"net"
	"strconv"
	"testing"
	"time"

	"trapline/internal/cluster/engine/enginetest"
)

// Both ports of the engine present the certificate that is in the file, also after it was replaced, and answer nobody without
// one of the authority. A client made before has the new one too.
func TestCertificatesAreReadAgain(t *testing.T) {
	const host = "127.0.68.100"
	ports := enginetest.Ports(t, host)
	files := enginetest.NewAuthority(t, host)
	c := Config{Cluster: "test", Member: host, Voters: []string{host}, Engine: ports[0], Peers: ports[1], Dir: t.TempDir(), Lease: 5 * time.Second, Log: quiet(),
		TLS: &TLS{CAFile: files.CAFile, CertFile: files.CertFile, KeyFile: files.KeyFile}}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Run(t, e)
	c.Member = "another"
	member, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	for serial := int64(1); serial <= 3; serial++ {
		if serial > 1 {
			files.Issue(serial)
		}
		for _, port := range ports {
			address := net.JoinHostPort(host, strconv.Itoa(port))
			if got := files.Serial(address); got != serial {
				t.Errorf("port %d presents certificate %d, want %d", port, got, serial)
			}
			if !enginetest.Refused(address, &tls.Config{InsecureSkipVerify: true}) || !enginetest.Refused(address, enginetest.NewAuthority(t, host).Client()) {
				t.Errorf("port %d answers a client without a certificate of the authority", port)
			}
		}
		if _, err := Ask(t.Context(), member, get); err != nil {
			t.Errorf("certificate %d: %v", serial, err)
		}
	}
}
