package peer

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// site has members that answer after a time each, or never.
type site struct {
	mu      sync.Mutex
	after   map[string]func() time.Duration // by host; nil: never
	waiting map[string]int
	most    int // that waited for one member
	asked   int
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	after := s.after[r.URL.Host]
	s.asked++
	s.waiting[r.URL.Host]++
	s.most = max(s.most, s.waiting[r.URL.Host])
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.waiting[r.URL.Host]--
		s.mu.Unlock()
	}()
	var answers <-chan time.Time
	if after != nil {
		answers = time.After(after())
	}
	select {
	case <-answers:
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(r.URL.Host))}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func scrape(c *Client, member string) (text string, took time.Duration, err error) {
	begun := time.Now()
	answer, err := c.Scrape(httptest.NewRequest(http.MethodGet, "/", nil), Member{member, "http://" + member}, "/x", MaxScrape)
	if err == nil {
		text = string(answer.body)
	}
	return text, time.Since(begun), err
}

// While a member is silent, scrapes of others are answered as ever, however many wait; few wait for it, none of those for long, and it
// is asked again. Of a member that is slow, each answer is waited for.
func TestSilentMemberKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex // of random and refused
		within := func(most time.Duration) func() time.Duration {
			return func() time.Duration {
				mu.Lock()
				defer mu.Unlock()
				return time.Duration(random.Int64N(int64(most)))
			}
		}
		s := &site{after: map[string]func() time.Duration{"fast": within(20 * time.Millisecond), "slow": within(4 * time.Second), "silent": nil}, waiting: map[string]int{}}
		c := &Client{member: "a", http: &http.Client{Transport: s}}
		var all sync.WaitGroup
		until := time.Now().Add(20 * time.Second)
		each := func(member string, every time.Duration, check func(string, time.Duration, error)) {
			all.Go(func() {
				for ; time.Now().Before(until); time.Sleep(every) {
					all.Go(func() { check(scrape(c, member)) })
				}
			})
		}
		each("fast", 5*time.Millisecond, func(text string, took time.Duration, err error) {
			if text != "fast" || took > 20*time.Millisecond {
				t.Errorf("fast: %q after %v: %v", text, took, err)
			}
		})
		each("slow", 100*time.Millisecond, func(text string, _ time.Duration, err error) {
			if text != "slow" {
				t.Errorf("slow: %q: %v", text, err)
			}
		})
		refused := 0
		each("silent", 5*time.Millisecond, func(_ string, took time.Duration, err error) {
			if took > laneWait+firstWait || !errors.Is(err, errSilent) && !errors.Is(err, errFull) {
				t.Errorf("silent: %v after %v", err, took)
			}
			if took == 0 {
				mu.Lock()
				defer mu.Unlock()
				refused++
			}
		})
		all.Wait()
		if s.most > laneWidth || refused < 1000 {
			t.Errorf("%d waited for one member, %d were refused at once", s.most, refused)
		}
		s.mu.Lock()
		s.after["silent"] = within(time.Millisecond)
		s.mu.Unlock()
		time.Sleep(silence)
		if text, _, err := scrape(c, "silent"); text != "silent" {
			t.Errorf("a member that answers again: %q: %v", text, err)
		}
	})
}

// A client that goes says nothing about the member.
func TestClientThatGoesLeavesTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{after: map[string]func() time.Duration{}, waiting: map[string]int{}}
		c := &Client{member: "a", http: &http.Client{Transport: s}}
		for range 3 * laneWidth {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
			if _, err := c.Scrape(r, Member{"b", "http://b"}, "/x", MaxScrape); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			cancel()
		}
		if s.asked != 3*laneWidth {
			t.Errorf("the member was asked %d times", s.asked)
		}
	})
}
