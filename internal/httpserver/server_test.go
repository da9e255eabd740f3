package httpserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// pipes is an in-memory listener, so that synctest controls the time.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { close(p.closed); return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.accepted <- theirs
	return ours
}

// serve runs a server in a synctest bubble and returns its listener.
func serve(t *testing.T, h http.Handler, maxConnections int) (*pipes, *Metrics) {
	m := NewMetrics(prometheus.NewRegistry())
	s := New(h, Options{MaxConnections: maxConnections, Metrics: m, Logger: slog.New(slog.DiscardHandler)})
	inside := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // like exporter-toolkit
		if r.Header.Get("Authorization") == "wrong" {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		inside.ServeHTTP(w, r)
	})
	l := &pipes{make(chan net.Conn), make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		time.Sleep(time.Minute) // synctest time: longer than all waits for memory
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l, m
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c net.Conn) (int, string) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// A stalled reader must be disconnected at any point; a slow one must get the whole response.
func TestReadersThatStopAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 4 << 20
		l, m := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) }), 10)
		for _, test := range []struct {
			rate  int // octets per second; 0 stalls
			whole bool
		}{{0, false}, {leastRate / 8, false}, {2 * leastRate, true}} {
			c, begin, read := l.dial(), time.Now(), 0
			send(t, c, get)
			buffer := make([]byte, max(1, test.rate))
			for test.rate > 0 {
				n, err := io.ReadFull(c, buffer)
				if read += n; err != nil || read >= size {
					break
				}
				time.Sleep(time.Second)
			}
			if test.rate == 0 {
				time.Sleep(time.Hour)
			}
			if whole := read >= size; whole != test.whole {
				t.Errorf("at %d octets a second: %d were read in %v", test.rate, read, time.Since(begin))
			}
			c.Close()
		}
		if n := testutil.ToFloat64(m.cut); n != 2 {
			t.Errorf("%g responses were cut off, want 2", n)
		}
	})
}

// A handler may run for any time, and its context must be canceled when the client disconnects, not
// before.
func TestHandlersMayTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cause error
		l, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			select {
			case <-time.After(time.Hour):
			case <-r.Context().Done():
			}
			cause = r.Context().Err()
			fmt.Fprintf(w, "%d", len(body))
		}), 10)
		for range 2 { // on one connection
			c := l.dial()
			send(t, c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
			if code, text := receive(t, c); code != http.StatusOK || text != "3" || cause != nil {
				t.Errorf("%d %s %v", code, text, cause)
			}
			c.Close()
		}
		c := l.dial()
		send(t, c, get)
		synctest.Wait()
		c.Close()
		synctest.Wait()
		if !errors.Is(cause, context.Canceled) {
			t.Errorf("after the client went: %v", cause)
		}
	})
}

// A client that sends less than its Content-Length must be disconnected, even if the handler does
// not read the body.
func TestSendersThatStopAreCutOff(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"read":     func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
		"not read": func(http.ResponseWriter, *http.Request) {},
	} {
		for _, head := range []string{"GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
			"POST / HTTP/1.1\r\nHost: a\r\nAuthorization: wrong\r\nContent-Length: 9\r\n\r\nabc"} {
			synctest.Test(t, func(t *testing.T) {
				l, _ := serve(t, h, 10)
				c := l.dial()
				send(t, c, head)
				begin := time.Now()
				_, _ = io.Copy(io.Discard, c)
				if took := time.Since(begin); took > patience+stallTimeout {
					t.Errorf("%s, %q: let go after %v", name, head, took)
				}
				c.Close()
			})
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, m := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				<-r.Context().Done()
			}
		}), 3)
		const slow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
		gone := func(c net.Conn) bool {
			_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := c.Read(make([]byte, 1))
			return errors.Is(err, io.EOF)
		}
		idle := l.dial()
		send(t, idle, get)
		if code, _ := receive(t, idle); code != http.StatusOK {
			t.Error(code)
		}
		silent, another := l.dial(), l.dial()
		synctest.Wait()
		first := l.dial() // replaces a silent one
		send(t, first, slow)
		synctest.Wait()
		if !gone(silent) || gone(another) || gone(idle) {
			t.Error("the first that was silent did not make room")
		}
		second := l.dial()
		send(t, second, slow)
		synctest.Wait()
		third := l.dial()
		send(t, third, slow)
		synctest.Wait()
		if !gone(another) || !gone(idle) || gone(first) || gone(second) || gone(third) {
			t.Error("the idle one did not make room after the silent one")
		}
		more := l.dial()
		if code, text := receive(t, more); code != http.StatusServiceUnavailable || text != refusal || testutil.ToFloat64(m.refused.WithLabelValues(refusedConnections)) != 1 {
			t.Errorf("while all are at work: %d %q", code, text)
		}
		first.Close()
		synctest.Wait()
		again := l.dial()
		send(t, again, get)
		if code, _ := receive(t, again); code != http.StatusOK {
			t.Errorf("after one went: %d", code)
		}
		for _, c := range []net.Conn{second, third, again} {
			c.Close()
		}
	})
}

// For all orders of arrivals and departures the limit must hold, and all must leave.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(prometheus.NewRegistry())
		g := NewGate(GateOptions{Path: "x", Running: 3, Waiting: 10, Wait: 10 * time.Second}, m)
		var inside, most, served, refused atomic.Int64
		ended := make(chan struct{})
		const all = 200
		for range all {
			go func() {
				time.Sleep(rand.N(20 * time.Second))
				ctx, cancel := context.WithTimeout(context.Background(), rand.N(20*time.Second))
				defer cancel()
				if leave, err := g.Enter(ctx); err == nil {
					most.Store(max(most.Load(), inside.Add(1)))
					time.Sleep(rand.N(2 * time.Second))
					inside.Add(-1)
					leave()
					served.Add(1)
				} else if errors.Is(err, ErrBusy) {
					refused.Add(1)
				}
				ended <- struct{}{}
			}()
		}
		for range all {
			<-ended
		}
		if most.Load() != 3 || served.Load()+refused.Load() != all || refused.Load() == 0 || len(g.slots) > 0 || g.waiting.Load() != 0 {
			t.Errorf("%d at once, %d served, %d refused, %d still inside, %d waiting", most.Load(), served.Load(), refused.Load(), len(g.slots), g.waiting.Load())
		}
		if testutil.ToFloat64(m.inFlight) != 0 || testutil.ToFloat64(m.waiting) != 0 {
			t.Error("the gauges do not return to 0")
		}
	})
}

// The same must hold with HTTP/2.
func TestHTTP2(t *testing.T) {
	m := NewMetrics(prometheus.NewRegistry())
	spool := newSpool(m, 1<<20, 1<<16)
	server := httptest.NewUnstartedServer(nil)
	server.Config = New(spool.Handler(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})), Options{MaxConnections: 10, Metrics: m, Logger: slog.New(slog.DiscardHandler)})
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	for _, size := range []int{0, 100, 1 << 19} {
		response, err := server.Client().Post(server.URL, "text/plain", strings.NewReader(strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || len(body) != size || response.ProtoMajor != 2 {
			t.Errorf("%s: %d octets of %d, %v", response.Proto, len(body), size, err)
		}
	}
}

// A server that closes connections closes each, and speaks no HTTP/2 with a client that could.
func TestConnectionsAreClosed(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	client := certified.Client()
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	for _, closing := range []bool{false, true} {
		server := New(http.NotFoundHandler(), Options{MaxConnections: 10, Closing: closing, Metrics: NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler)})
		server.TLSConfig = &tls.Config{Certificates: certified.TLS.Certificates}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = server.ServeTLS(l, "", "") }()
		defer server.Close()
		r, err := client.Get("https://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.Close != closing || (r.ProtoMajor == 1) != closing {
			t.Errorf("closing %v: %s, closed %v", closing, r.Proto, r.Close)
		}
	}
}
