// Package peer is how members of a cluster ask each other, on a port for them alone. With certificates, both sides have one of
// the same authority.
package peer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
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
	dialWait  = 2 * time.Second
	maxAnswer = 128 << 20 // octets
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
		return nil, fmt.Errorf("cluster.ports.members: %w: end the process that listens there, or write other cluster.ports for all members", err)
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
		ReadHeaderTimeout: MaxScrape, ReadTimeout: MaxScrape, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}}, nil
}

// Run answers other members by h until ctx is canceled. changed is called when a connection changes its state; it may be nil.
func (s *Server) Run(ctx context.Context, h http.Handler, changed func(net.Conn, http.ConnState)) error {
	s.server.Handler, s.server.ConnState = ofMembers(h), changed
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

// ofMembers refuses requests without the name of a member. Whoever reaches a port without TLS can write one, but for web pages: those
// have the browser send no header of their own to another origin.
func ofMembers(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(Header) == "" {
			http.Error(w, "this port is for the members of a cluster: ask the port of --web.listen-address", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Close closes the port if Run has not.
func (s *Server) Close() { _ = s.listener.Close() }

// Client asks other members.
type Client struct {
	member  string
	http    *http.Client
	lanes   lanes
	answers answers
}

// NewClient returns the client of a member.
func NewClient(member string, t *TLS) (*Client, error) {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialWait}).DialContext,
		TLSHandshakeTimeout: dialWait, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 16,
		MaxResponseHeaderBytes: maxHeader, DisableCompression: true, // answers are handed on as they are
	}
	if t != nil {
		c, err := t.config()
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = c
	}
	return &Client{member: member, http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// ErrPassed is the error of a request that another member has passed on already.
var ErrPassed = errors.New("the request was passed on already, and goes no further")

// Member is another member of the cluster.
type Member struct{ Name, URL string }

// Request is a question to another member.
type Request struct {
	To     Member
	Method string // GET if it is empty
	Path   string // with its query
	Header http.Header
	Body   []byte
	Stream bool // the answer is read in pieces, none of which is kept
}

// Open sends a request, and returns the answer whose body is to be closed. Its length is not bounded: see Read. Unless it is a stream,
// it may wait for other answers.
func (c *Client) Open(ctx context.Context, q *Request) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, cmp.Or(q.Method, http.MethodGet), q.To.URL+q.Path, bytes.NewReader(q.Body))
	if err != nil {
		return nil, err
	}
	for name, values := range q.Header {
		request.Header[name] = values
	}
	request.Header.Set(Header, c.member)
	answer, err := c.http.Do(request)
	if err == nil && !q.Stream {
		c.answers.hold(ctx, answer)
	}
	return answer, err
}

// Read reads the rest of an answer, which may have so many octets.
func Read(body io.Reader, limit int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, int64(limit)+1)) // whole, or not at all
	if err == nil && len(text) > limit {
		err = fmt.Errorf("the answer has more than %d octets", limit)
	}
	return text, err
}

// ReadJSON reads the rest of an answer, which may have so many octets, into a value, and closes it.
func ReadJSON(answer *http.Response, limit int, into any) error {
	defer answer.Body.Close()
	text, err := Read(answer.Body, limit)
	switch {
	case err != nil:
		return err
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return json.Unmarshal(text, into)
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
