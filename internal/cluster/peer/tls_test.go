package peer

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"trapline/internal/cluster/engine/enginetest"
)

// The port for members answers members alone, by certificates of one authority, and both sides read theirs again.
func TestMembersAnswerMembersAlone(t *testing.T) {
	const host = "127.0.68.99"
	port := enginetest.Ports(t, host)[0]
	files := enginetest.NewAuthority(t, host)
	certificates := func(a *enginetest.Authority) *TLS { return &TLS{a.CAFile, a.CertFile, a.KeyFile} }
	log := slog.New(slog.DiscardHandler)
	if _, err := Listen(host, port, &TLS{CAFile: files.CAFile, CertFile: files.KeyFile, KeyFile: files.KeyFile}, log); err == nil {
		t.Error("a port without a certificate is opened")
	}
	server, err := Listen(host, port, certificates(files), log)
	if err != nil {
		t.Fatal(err)
	}
	var serials []int64 // of clients
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			serials = append(serials, r.TLS.PeerCertificates[0].SerialNumber.Int64())
			_, _ = io.WriteString(w, "answer")
		}), nil)
	}()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	client, err := NewClient("a", certificates(files))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	address := net.JoinHostPort(host, strconv.Itoa(port))
	to := Member{Name: "b", URL: "https://" + address}
	for serial := int64(1); serial <= 3; serial++ {
		if serial > 1 {
			files.Issue(serial)
			client.Close() // of idle connections
		}
		answer, err := client.Scrape(httptest.NewRequest(http.MethodGet, "/", nil), to, "/x", MaxScrape)
		if err != nil {
			t.Fatalf("certificate %d: %v", serial, err)
		}
		w := httptest.NewRecorder()
		answer.Write(w)
		if got := files.Serial(address); w.Body.String() != "answer" || got != serial || serials[len(serials)-1] != serial {
			t.Errorf("answer %q, certificate of the server %d, of the client %d, want %d", w.Body, got, serials[len(serials)-1], serial)
		}
	}
	for name, c := range map[string]*tls.Config{"no certificate": {InsecureSkipVerify: true}, "another authority": enginetest.NewAuthority(t, host).Client()} {
		if !enginetest.Refused(address, c) {
			t.Errorf("a client with %s is answered", name)
		}
	}
	stranger, err := NewClient("c", certificates(enginetest.NewAuthority(t, host)))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Scrape(httptest.NewRequest(http.MethodGet, "/", nil), to, "/x", MaxScrape); err == nil {
		t.Error("a member takes an answer of another authority's")
	}
}
