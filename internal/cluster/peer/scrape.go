package peer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// MaxScrape is how long an answer to a scrape may take.
const MaxScrape = 10 * time.Second

const (
	laneWidth = 32              // scrapes that wait for a member
	laneWait  = 4 * time.Second // for a place among them
	firstWait = 4 * time.Second // for the begin of an answer, if the member answers no other scrape meanwhile
	silence   = 2 * time.Second // how long a member is not asked after that
)

// Answer is a whole answer to a scrape.
type Answer struct {
	Status int
	header http.Header
	body   []byte
}

// Scrape hands a scrape on to a path of another member, and returns the whole answer.
func (c *Client) Scrape(r *http.Request, to Member, path string, wait time.Duration) (*Answer, error) {
	if r.Header.Get(Header) != "" {
		return nil, ErrPassed
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(wait, MaxScrape))
	defer cancel()
	lane, err := c.lanes.enter(ctx, to.Name)
	if err != nil {
		return nil, err
	}
	defer lane.leave()
	header := http.Header{}
	for _, name := range passed {
		if values := r.Header.Values(name); len(values) > 0 {
			header[name] = values
		}
	}
	answer, err := lane.open(ctx, func(ctx context.Context) (*http.Response, error) {
		return c.Open(ctx, &Request{To: to, Path: path, Header: header})
	})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := Read(answer.Body, maxAnswer)
	return &Answer{answer.StatusCode, answer.Header, body}, err
}

// Write hands the answer back.
func (a *Answer) Write(w http.ResponseWriter) {
	for _, name := range []string{"Content-Type", "Content-Encoding", "Vary"} {
		if values := a.header.Values(name); len(values) > 0 {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.body) // after a disconnect nobody can receive the error
}

// passed are the headers of scrapes that the owner of a target needs.
var passed = []string{"Accept", "Accept-Encoding"}

// lanes has a lane for each member that was asked.
type lanes struct {
	mu sync.Mutex
	of map[string]*lane
}

// lane is the scrapes that wait for one member. Those that come while it is full of others, or shortly after the member was found
// silent, are refused: most of a fleet may be scraped through this one, and a silent member must not keep the others waiting.
type lane struct {
	places chan struct{}

	mu       sync.Mutex
	answered time.Time // the last time
	silent   time.Time // until when the member is not asked
}

var (
	errFull   = fmt.Errorf("%d scrapes wait for its answers", laneWidth)
	errSilent = errors.New("no answer in time")
)

func (l *lanes) enter(ctx context.Context, member string) (*lane, error) {
	l.mu.Lock()
	one := l.of[member]
	if one == nil {
		if l.of == nil {
			l.of = map[string]*lane{}
		}
		one = &lane{places: make(chan struct{}, laneWidth)}
		l.of[member] = one
	}
	l.mu.Unlock()
	return one, one.enter(ctx)
}

// enter waits for a place.
func (l *lane) enter(ctx context.Context) error {
	if l.isSilent() {
		return errSilent
	}
	wait := time.NewTimer(laneWait)
	defer wait.Stop()
	select {
	case l.places <- struct{}{}:
	case <-wait.C:
		return errFull
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if l.isSilent() {
		l.leave()
		return errSilent
	}
	return nil
}

func (l *lane) leave() { <-l.places }

func (l *lane) isSilent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.silent)
}

// open waits for the begin of an answer. It gives up, and notes that the member is silent, once that has begun no answer for a
// while; one that is slow is waited for.
func (l *lane) open(ctx context.Context, ask func(context.Context) (*http.Response, error)) (*http.Response, error) {
	asking, cancel := context.WithCancelCause(ctx) // which ends with ctx: the answer is read until then
	begun := make(chan struct{})
	go func() {
		for tick := time.Tick(firstWait); ; {
			select {
			case <-begun:
				return
			case <-tick:
				if l.foundSilent() {
					cancel(errSilent)
					return
				}
			}
		}
	}()
	answer, err := ask(asking)
	close(begun)
	if errors.Is(context.Cause(asking), errSilent) {
		err = errSilent
	}
	if err != nil {
		cancel(err)
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered, l.silent = time.Now(), time.Time{}
	return answer, nil
}

// foundSilent notes whether there was no answer for a while.
func (l *lane) foundSilent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.answered) < firstWait {
		return false
	}
	l.silent = time.Now().Add(silence)
	return true
}
