package peer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"trapline/internal/cluster/engine/enginetest"
)

// long is an answer that counts how many octets of all are read and not closed.
type long struct {
	left int
	kept *atomic.Int64
	read int64
}

func (l *long) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), l.left)
	l.left -= n
	l.read += int64(n)
	l.kept.Add(int64(n))
	return n, nil
}

func (l *long) Close() error {
	l.kept.Add(-l.read)
	l.read = 0
	return nil
}

// Whatever members answer at the same time, the octets in memory are bounded, but for those of one answer; all answers are read, whoever
// leaves one unread.
func TestAnswersOfManyMembersAreBounded(t *testing.T) {
	const most, longest, piece = 1 << 20, 1 << 19, 1 << 12
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var kept, peak atomic.Int64
		a := &answers{most: most}
		var all sync.WaitGroup
		for range 30 {
			size, upTo := random.IntN(longest), random.IntN(2*longest) // some are closed early
			all.Go(func() {
				answer := &http.Response{Body: &long{left: size, kept: &kept}}
				a.hold(t.Context(), answer)
				defer answer.Body.Close()
				for n := 0; n < upTo; n += piece {
					if _, err := answer.Body.Read(make([]byte, piece)); err != nil {
						if !errors.Is(err, io.EOF) {
							t.Error(err)
						}
						return
					}
					for now := kept.Load(); ; {
						if was := peak.Load(); was >= now || peak.CompareAndSwap(was, now) {
							break
						}
					}
				}
			})
		}
		all.Wait()
		if p := peak.Load(); p > most+longest+30*piece {
			t.Errorf("seed %d: %d octets were in memory", seed, p)
		}
		if a.held != 0 || len(a.open) != 0 {
			t.Errorf("seed %d: %d octets of %d answers are left", seed, a.held, len(a.open))
		}
	}
}

// An answer that waits for others ends with its request.
func TestAnswerThatWaitsEndsWithItsRequest(t *testing.T) {
	var kept atomic.Int64
	a := &answers{most: 1}
	first, second := &http.Response{Body: &long{left: 10, kept: &kept}}, &http.Response{Body: &long{left: 10, kept: &kept}}
	ctx, cancel := context.WithCancel(t.Context())
	a.hold(t.Context(), first)
	a.hold(ctx, second)
	if _, err := first.Body.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(second.Body); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	first.Body.Close()
	second.Body.Close()
}

// Without TLS the port for members answers no web page, which the browser lets send no header of its own.
func TestMemberPortAnswersNoWebPage(t *testing.T) {
	const host = "127.0.68.98"
	port := enginetest.Ports(t, host)[0]
	server, err := Listen(host, port, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var served, states atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }), func(net.Conn, http.ConnState) { states.Add(1) })
	}()
	url := "http://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/transitions"
	answer, err := http.Post(url, "text/plain", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden || served.Load() != 0 || states.Load() == 0 {
		t.Errorf("status %d, served %d, states of connections %d", answer.StatusCode, served.Load(), states.Load())
	}
	http.DefaultClient.CloseIdleConnections()
	client, err := NewClient("a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err = client.Open(t.Context(), &Request{To: Member{Name: "b", URL: strings.TrimSuffix(url, "/transitions")}, Path: "/transitions"}); err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	client.Close()
	if answer.StatusCode != http.StatusOK || served.Load() != 1 {
		t.Errorf("a member: status %d", answer.StatusCode)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
