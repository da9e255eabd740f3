package union

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"trapline/internal/api"
	"trapline/internal/cluster/peer"
)

// Subscribe counts who follows events.
func (c *Console) Subscribe() (leave func(), err error) { return c.own.Subscribe() }

// Follow streams the events of all members: those of each journal in its order, and each once. After a number of this member's journal
// there are only its own.
func (c *Console) Follow(ctx context.Context, q api.EventQuery, event func(api.Event) error) error {
	if q.After > 0 {
		return c.own.Follow(ctx, q, event)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &follower{console: c, query: q, events: make(chan api.Event), reading: map[string]bool{}}
	if err := f.begin(event); err != nil {
		return err
	}
	defer f.running.Wait()
	defer cancel()
	own := f.query
	own.After = f.after[c.union.members.Name()]
	ended := make(chan error, 1)
	f.running.Go(func() {
		ended <- c.own.Follow(ctx, own, func(e api.Event) error { return f.pass(ctx, c.union.members.Name(), e) })
	})
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for f.join(ctx); ; {
		select {
		case e := <-f.events:
			if err := event(e); err != nil {
				return err
			}
		case err := <-ended:
			return err
		case <-again.C:
			f.join(ctx)
		}
	}
}

// follower follows the journals of all members.
type follower struct {
	console *Console
	query   api.EventQuery // of whatever comes
	events  chan api.Event
	running sync.WaitGroup

	mu      sync.Mutex
	after   map[string]uint64 // the number of the last entry that was streamed, by member
	reading map[string]bool
}

// begin streams the entries that there are already, the oldest first, and notes from where on all journals are read.
func (f *follower) begin(event func(api.Event) error) error {
	q := &f.query
	if q.Limit == 0 && !q.Since.IsZero() {
		f.after = map[string]uint64{} // each journal from then on
		return nil
	}
	f.after = f.console.newest()
	var page []api.Event
	if q.Limit > 0 {
		var err error
		if page, err = f.console.Events(*q); err != nil {
			return err
		}
	}
	q.Limit, q.Since = 0, time.Time{}
	for _, e := range slices.Backward(page) {
		if f.after[e.Member] = max(f.after[e.Member], e.Seq); event(e) != nil {
			return errors.New("the client has gone")
		}
	}
	return nil
}

// newest returns the number of the newest entry of each member's journal.
func (c *Console) newest() map[string]uint64 {
	all := map[string]uint64{}
	note := func(member string, entries []api.Event) {
		for _, e := range entries {
			all[member] = e.Seq
		}
	}
	if own, err := c.own.Events(api.EventQuery{Limit: 1}); err == nil {
		note(c.union.members.Name(), own)
	}
	for _, p := range gather[[]api.Event](c.union, list("/api/v1/events?limit=1")) {
		if p.err == nil {
			note(p.of.Name, p.data)
		}
	}
	return all
}

// pass streams an entry.
func (f *follower) pass(ctx context.Context, member string, e api.Event) error {
	e.Member = member
	select {
	case f.events <- e:
	case <-ctx.Done():
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after[member] = e.Seq
	return nil
}

// join reads the journals of the members that are not read: they have joined, or did not answer.
func (f *follower) join(ctx context.Context) {
	for _, p := range f.console.union.members.Peers() {
		f.mu.Lock()
		after, reads := f.after[p.Name], f.reading[p.Name]
		f.reading[p.Name] = true
		f.mu.Unlock()
		if reads {
			continue
		}
		f.running.Go(func() {
			err := f.read(ctx, p, after)
			f.console.union.note(f.console.union.of(p.Name), err)
			if err != nil {
				select {
				case <-time.After(silentTime):
				case <-ctx.Done():
				}
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.reading[p.Name] = false
		})
	}
}

// read reads the journal of a member behind an entry until it ends the answer.
func (f *follower) read(ctx context.Context, p peer.Member, after uint64) error {
	values := eventValues(&f.query)
	values.Set("follow", "1")
	if after > 0 {
		values.Set("after", strconv.FormatUint(after, 10))
	}
	answer, err := f.console.union.members.Open(ctx, &peer.Request{To: p, Path: "/api/v1/events?" + values.Encode(), Stream: true})
	if err != nil {
		return plain(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New("it does not stream events")
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, maxRefusal)
	for lines.Scan() {
		var e api.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return err
		}
		if f.pass(ctx, p.Name, e) != nil {
			return nil
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return lines.Err()
}
