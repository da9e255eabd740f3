// Package peer is how members of a cluster ask each other, on a port for them alone. With certificates, both sides have one of
// the same authority.
package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Header has the name of the member that has passed a request on: it is passed on once.
const Header = "Trapline-Passed-On-By"

const (
	passWait  = 10 * time.Second // for the answer of another member
	dialWait  = 2 * time.Second
	maxAnswer = 256 << 20 // octets
	maxHeader = 1 << 16
	endWait   = time.Second
)

// TLS are the files of mutual TLS. The certificate is read again at each handshake.
type TLS struct{ CAFile, CertFile, KeyFile string }

// Server answers other members.
type Server struct {
	listener net.Listener
	server   *http.Server
}

// Listen opens the port of a member: on its address if it is named by one, else on all.
func Listen(member string, port int, t *TLS, logger *slog.Logger) (*Server, error) {
	host := ""
	if net.ParseIP(member) != nil || member == "localhost" {
		host = member
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("cluster.ports.members: %w", err)
	}
	if t != nil {
		c, err := t.config()
		if err != nil {
			_ = l.Close()
			return nil, err
		}
		l = tls.NewListener(l, c)
	}
	return &Server{l, &http.Server{
		ReadHeaderTimeout: passWait, ReadTimeout: passWait, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}}, nil
}

// Run answers by h until ctx is canceled.
func (s *Server) Run(ctx context.Context, h http.Handler) error {
	s.server.Handler = h
	ended := make(chan error, 1)
	go func() { ended <- s.server.Serve(s.listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWait)
	defer cancel()
	if s.server.Shutdown(bounded) != nil {
		_ = s.server.Close() // requests that still run are cut off
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close closes the port if Run has not.
func (s *Server) Close() { _ = s.listener.Close() }

// Client asks other members.
type Client struct {
	member string
	http   *http.Client
}

// NewClient returns the client of a member.
func NewClient(member string, t *TLS) (*Client, error) {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialWait}).DialContext,
		TLSHandshakeTimeout: dialWait, ResponseHeaderTimeout: passWait, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 16,
		MaxResponseHeaderBytes: maxHeader, DisableCompression: true, // answers are handed on as they are
	}
	if t != nil {
		c, err := t.config()
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = c
	}
	return &Client{member, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// ErrPassed is the error of a request that another member has passed on already.
var ErrPassed = errors.New("the request was passed on already, and goes no further")

// Pass hands a request on to a path of another member, and its whole answer back. Nothing is written if there is an error.
func (c *Client) Pass(w http.ResponseWriter, r *http.Request, base, path string) error {
	if r.Header.Get(Header) != "" {
		return ErrPassed
	}
	ctx, cancel := context.WithTimeout(r.Context(), passWait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return err
	}
	for _, name := range []string{"Accept", "Accept-Encoding"} {
		if values := r.Header.Values(name); len(values) > 0 {
			request.Header[name] = values
		}
	}
	request.Header.Set(Header, c.member)
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1)) // whole, or not at all
	if err != nil {
		return err
	}
	if len(body) > maxAnswer {
		return fmt.Errorf("the answer has more than %d octets", maxAnswer)
	}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Vary"} {
		if values := answer.Header.Values(name); len(values) > 0 {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body) // after a disconnect nobody can receive the error
	return nil
}

// config is that of both sides.
func (t *TLS) config() (*tls.Config, error) {
	text, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fmt.Errorf("cluster.tls.ca_file: %w", err)
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("cluster.tls.ca_file: %s has no certificate", t.CAFile)
	}
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		return &pair, err
	}
	if _, err := load(); err != nil {
		return nil, fmt.Errorf("cluster.tls: %w", err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: authority, ClientCAs: authority, ClientAuth: tls.RequireAndVerifyClientCert,
		GetCertificate:       func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return load() },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() },
	}, nil
}
