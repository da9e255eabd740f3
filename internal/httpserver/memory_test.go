package httpserver

import (
	"bytes"
	"fmt"
	"io"
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
)

func newSpool(m *Metrics, held, response int64) *Spool {
	return &Spool{Memory: NewMemory("responses", held, m), MaxResponse: response,
		Streams: NewGate(GateOptions{Path: "streams", Running: 1, Waiting: 1, Wait: time.Second}, m)}
}

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

func TestMemoryForSmallBodies(t *testing.T) {
	m := NewMemory("x", 1<<20, NewMetrics(prometheus.NewRegistry()))
	large, small := &held{memory: m, max: 1 << 30}, &held{memory: m, max: 1 << 30}
	for large.hold(make([]byte, maxChunk)) > 0 {
	}
	for n := maxChunk; n > 0; {
		taken := small.hold(make([]byte, n))
		if n -= taken; taken == 0 {
			t.Fatalf("beside %d octets there is no room for %d", large.size, n)
		}
	}
	if large.size < 1<<19 || m.held.Load() > 1<<20 {
		t.Errorf("a large body has %d octets, all have %d", large.size, m.held.Load())
	}
	large.dropAll()
	small.dropAll()
	if m.held.Load() != 0 {
		t.Errorf("%d octets stay behind", m.held.Load())
	}
}

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
