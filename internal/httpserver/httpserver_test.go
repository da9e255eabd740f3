package httpserver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// pipes is a listener in memory, so that time is the bubble's.
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

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.accepted <- theirs
	return ours
}

// serve runs a server in a bubble, and returns how to connect to it.
func serve(t *testing.T, h http.Handler, maxConnections int) (*pipes, *Metrics) {
	m := NewMetrics(prometheus.NewRegistry())
	s := New(h, Options{MaxConnections: maxConnections, Metrics: m, Logger: slog.New(slog.DiscardHandler)})
	inside := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // as exporter-toolkit's
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
		time.Sleep(time.Minute) // of the bubble's time: until those that wait for memory have given up
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

// A reader that stops is cut off, however far it came; one that is merely slow gets all of it.
func TestReadersThatStopAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 4 << 20
		l, m := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) }), 10)
		for _, test := range []struct {
			rate  int // octets a second; 0 is none at all
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

// A handler may think for as long as it likes, and the request is cancelled when the client goes, not before.
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

// Whoever does not send what it announced is let go, whether the handler reads it or not.
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
		first := l.dial() // takes the place of a silent one
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

// Whatever comes and goes in whatever order, no more run at once than may, and all leave.
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

func newSpool(m *Metrics, held, response int64) *Spool {
	return &Spool{Memory: NewMemory("responses", held, m), MaxResponse: response,
		Streams: NewGate(GateOptions{Path: "streams", Running: 1, Waiting: 1, Wait: time.Second}, m)}
}

// What is held is what was written, in whatever pieces, and nothing stays behind.
func TestSpoolSendsWhatIsWritten(t *testing.T) {
	m := NewMetrics(prometheus.NewRegistry())
	for range 40 {
		s := newSpool(m, 1<<20, rand.Int64N(1<<19))
		want := make([]byte, rand.IntN(1<<20))
		for i := range want {
			want[i] = byte(rand.Uint32())
		}
		w := httptest.NewRecorder()
		s.Handler(nil, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", "y")
			w.WriteHeader(http.StatusTeapot)
			for rest := want; len(rest) > 0; {
				n := min(len(rest), rand.IntN(1<<17))
				if m, err := w.Write(rest[:n]); m != n || err != nil {
					t.Fatal(m, err)
				}
				rest = rest[n:]
			}
		})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != http.StatusTeapot || !bytes.Equal(w.Body.Bytes(), want) || w.Header().Get("X") != "y" {
			t.Fatalf("%d, %d octets of %d", w.Code, w.Body.Len(), len(want))
		}
		if held := s.Memory.held.Load(); held != 0 || len(s.Streams.slots) > 0 {
			t.Fatalf("%d octets stay behind", held)
		}
	}
}

// Readers that stop hold so much memory and no more, and keep little of what their responses were made of. Whoever
// reads is served soon, however many of them there are.
func TestStuckReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers, size = 100, 100 << 10
		var made, freed atomic.Int64
		s := &Spool{}
		l, m := serve(t, s.Handler(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/small" {
				_, _ = w.Write(make([]byte, maxChunk/2))
				return
			}
			pass := make([]byte, size)
			runtime.AddCleanup(&pass[0], func(struct{}) { freed.Add(1) }, struct{}{})
			made.Add(1)
			_, _ = w.Write(pass)
		})), 1000)
		*s = *newSpool(m, 8<<20, 1<<20)
		var conns []net.Conn
		for range readers {
			c := l.dial()
			conns = append(conns, c)
			send(t, c, get)
		}
		synctest.Wait()
		if held := s.Memory.held.Load(); held > 8<<20 || made.Load() != readers {
			t.Errorf("%d octets are held for %d readers", held, made.Load())
		}
		for range 3 {
			runtime.GC()
			runtime.Gosched()
		}
		if kept := made.Load() - freed.Load(); kept > maxRoomWaits+2 {
			t.Errorf("%d of %d are kept for their readers: want those that wait for room and that for a stream", kept, made.Load())
		}
		begin, served := time.Now(), 0
		c := l.dial()
		send(t, c, "GET /small HTTP/1.1\r\nHost: a\r\n\r\n")
		if code, text := receive(t, c); code != http.StatusOK || len(text) != maxChunk/2 || time.Since(begin) > 0 {
			t.Errorf("something small: %d, %d octets after %v", code, len(text), time.Since(begin))
		}
		c.Close()
		for range 10 {
			c := l.dial()
			send(t, c, get)
			if code, text := receive(t, c); code == http.StatusOK && len(text) == size {
				served++
			}
			c.Close()
			time.Sleep(time.Second)
		}
		if took := time.Since(begin); served < 8 || took > 15*time.Second {
			t.Errorf("%d of 10 that read were served in %v", served, took)
		}
		for _, c := range conns {
			c.Close()
		}
		synctest.Wait()
		if held := s.Memory.held.Load(); held != 0 || len(s.Memory.clients) > 0 {
			t.Errorf("after they went, %d octets are held for %d", held, len(s.Memory.clients))
		}
	})
}

// Senders that stop after most of a body hold up others for a moment.
func TestStuckSenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(prometheus.NewRegistry())
		i := &Intake{Memory: NewMemory("requests", 1<<20, m), MaxBody: 1 << 19}
		gate := NewGate(GateOptions{Path: "x", Running: 1}, m)
		l, _ := serve(t, i.Handler(gate, gate, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), 100)
		post := func(announced, sent int) net.Conn {
			c := l.dial()
			go func() {
				_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", announced, strings.Repeat("x", sent))
			}()
			return c
		}
		for range 4 {
			defer post(1<<19, 1<<19-10).Close()
		}
		synctest.Wait()
		begin := time.Now()
		c := post(1<<10, 1<<10)
		defer c.Close()
		if code, text := receive(t, c); code != http.StatusOK || time.Since(begin) > roomWait {
			t.Errorf("after %v: %d %s", time.Since(begin), code, text)
		}
	})
}

func TestIntake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(prometheus.NewRegistry())
		i := &Intake{Memory: NewMemory("requests", 200_000, m), MaxBody: 100_000}
		got := ""
		gate := NewGate(GateOptions{Path: "x", Running: 1}, m)
		h := i.Handler(gate, gate, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if got = string(body); err != nil {
				t.Error(err)
			}
		}))
		ask := func(body io.Reader) int {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", body))
			if held := i.Memory.held.Load(); held > 0 && i.Memory.max == 200_000 {
				t.Errorf("%d octets are held", held)
			}
			return w.Code
		}
		unknown := func(n int) io.Reader { return struct{ io.Reader }{strings.NewReader(strings.Repeat("x", n))} }
		for n, want := range map[int]int{0: 200, 1: 200, 99_999: 200, 100_000: 200, 100_001: 413, 1_000_000: 413} {
			if code := ask(unknown(n)); code != want || code == 200 && len(got) != n {
				t.Errorf("%d octets: %d, the handler read %d", n, code, len(got))
			}
			if code := ask(strings.NewReader(strings.Repeat("x", n))); code != want {
				t.Errorf("%d octets, announced: %d", n, code)
			}
		}
		i.Memory.max = 50_000
		if code := ask(unknown(60_000)); code != http.StatusServiceUnavailable {
			t.Errorf("without memory: %d", code)
		}
		i.Memory.max = 200_000
		if code := ask(unknown(60_000)); code != 200 {
			t.Errorf("with memory: %d", code)
		}
	})
}

// No page of another origin changes anything; programs, and pages of ours, may.
func TestCrossOrigin(t *testing.T) {
	m := NewMetrics(prometheus.NewRegistry())
	reached := 0
	h := sameOrigin(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }), m)
	refused := 0
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PURGE"} {
		for _, test := range []struct {
			site, origin string
			foreign      bool
		}{
			{"", "", false}, {"same-origin", "http://here:1", false}, {"none", "", false}, {"", "http://here:1", false}, {"same-origin", "https://proxy", false},
			{"cross-site", "http://there", true}, {"cross-site", "", true}, {"same-site", "http://other.here", true}, {"", "http://there", true}, {"", "null", true},
			{"", "http://here:2", true}, {"cross-site", "http://here:1", true},
		} {
			r := httptest.NewRequest(method, "http://here:1/-/reload", nil)
			r.Header.Set("Sec-Fetch-Site", test.site)
			r.Header.Set("Origin", test.origin)
			w := httptest.NewRecorder()
			reached = 0
			h.ServeHTTP(w, r)
			reads := method == "GET" || method == "HEAD" || method == "OPTIONS"
			if want := reads || !test.foreign; (reached == 1) != want {
				t.Errorf("%s, %+v: reached %v", method, test, reached == 1)
			} else if !want {
				refused++
				if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "another origin") {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			}
		}
	}
	if n := testutil.ToFloat64(m.refused.WithLabelValues(refusedOrigin)); int(n) != refused {
		t.Errorf("%g are counted of %d", n, refused)
	}
}

func TestMediaTypes(t *testing.T) {
	h := TakesJSON(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for media, want := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON": 200,
		"": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "text/plain; x=application/json": 415, ";": 415,
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("[]"))
		r.Header.Set("Content-Type", media)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%q: %d, want %d", media, w.Code, want)
		}
	}
}

// What is so with HTTP/1.1 is so with HTTP/2.
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
