// Package contact reports that a member does not reach the voters of its cluster, and why: an attempt ends with a timeout
// whatever the reason.
package contact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"trapline/internal/cluster/engine"
)

// Config describes the member.
type Config struct {
	Log    *slog.Logger
	Lease  time.Duration
	Silent func(context.Context) map[string]error // asks the voters one by one: see engine.Silent
	Go     func(func())                           // runs a function in a goroutine of the member
}

// Contact is what a member reports of its attempts.
type Contact struct {
	config Config

	mu     sync.Mutex
	asking bool          // for the reason
	since  time.Duration // of the first failure in a row, by the clock of the member; 0: none
	text   string        // that was reported last; "": nothing
	at     time.Duration // when
	taken  *TakenError   // why the member has not joined; nil: for another reason
}

// New returns the reports of a member.
func New(c Config) *Contact { return &Contact{config: c} }

// every is how often the same failure is reported.
const every = time.Minute

// TakenError is the error of a member whose name another process has.
type TakenError struct {
	Member  string
	Started time.Time // of the other; zero if it is unknown
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("another process is the member %s: write another name for one of them, as cluster.member or by --cluster.member", e.Member)
}

// Note notes the outcome of an attempt at a time. It reports a failure once it is clear that it takes longer: an attempt may fail
// while the voters start or elect a leader, and a name is taken until the session of a process that was killed has ended.
func (c *Contact) Note(ctx context.Context, now time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		if c.text != "" {
			c.config.Log.Info("the voters of the cluster answer again", "after", (now - c.since).Round(time.Second))
		}
		c.since, c.text, c.taken = 0, "", nil
		return
	}
	if c.since == 0 {
		c.since = now
	}
	failing := now - c.since
	c.taken = nil
	if errors.As(err, &c.taken) {
		if failing >= 2*c.config.Lease && c.due(err.Error(), now) {
			c.config.Log.Warn("another process has the name of this member, which polls nothing: write another name for one of them, as cluster.member or by --cluster.member", "member", c.taken.Member, "started", c.taken.Started)
		}
		return
	}
	if ctx.Err() != nil || failing < c.config.Lease/2 || c.asking {
		return
	}
	c.asking = true
	c.config.Go(func() { c.report(ctx, now, err) })
}

// report logs why the voters do not answer, once a minute, and whenever the reason changes.
func (c *Contact) report(ctx context.Context, now time.Duration, err error) {
	voters := ""
	if !engine.Answered(err) {
		voters = Reasons(c.config.Silent(ctx))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking = false
	if ctx.Err() != nil || c.since == 0 || !c.due(cmp.Or(voters, err.Error()), now) {
		return
	}
	if voters == "" {
		c.config.Log.Warn("the session with the cluster cannot be renewed, will retry", "err", err, "for", (now - c.since).Round(time.Second))
		return
	}
	c.config.Log.Warn("no majority of the voters answers, will retry", "voters", voters, "for", (now - c.since).Round(time.Second))
}

// due notes a text that is to be reported, and returns whether it is.
func (c *Contact) due(text string, now time.Duration) bool {
	if text == c.text && now-c.at < every {
		return false
	}
	c.text, c.at = text, now
	return true
}

// Reasons lists why servers do not answer.
func Reasons(silent map[string]error) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(silent)) {
		list = append(list, name+": "+silent[name].Error())
	}
	return strings.Join(list, "; ")
}

// Taken returns why the member has not joined if another process has its name; else "".
func (c *Contact) Taken() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken == nil {
		return ""
	}
	return c.taken.Error()
}
