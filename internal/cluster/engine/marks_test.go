package engine

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// fails runs an engine, which ends with an error.
func fails(t *testing.T, e *Engine, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := e.Run(ctx); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// runs starts an engine, calls use once it is up, and stops it.
func runs(t *testing.T, e *Engine, use func(*clientv3.Client)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	for !e.Up() {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	own, err := e.Own()
	if err != nil {
		t.Fatal(err)
	}
	use(own)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// again returns an engine with the data of another.
func again(t *testing.T, of *Engine, change func(*Config)) *Engine {
	t.Helper()
	c := of.config
	if change != nil {
		change(&c)
	}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Data of another member are not used: two servers with the same data would vote as one. Neither are data that a recovery has not
// completed, until it is run again; and a database that was cut short ends the process with an error that says what to do.
func TestDataOfOthersAndOfNobody(t *testing.T) {
	e := lone(t)
	runs(t, e, func(c *clientv3.Client) {
		if _, err := c.Put(t.Context(), "x", "1"); err != nil {
			t.Error(err)
		}
	})
	const other = "127.0.68.102"
	fails(t, again(t, e, func(c *Config) { c.Member, c.Voters = other, []string{other} }), "are those of 127.0.68.100, and this member is "+other)

	interrupted := errors.New("interrupted")
	if err := again(t, e, nil).Recover(t.Context(), func(context.Context, *clientv3.Client) error { return interrupted }); !errors.Is(err, interrupted) {
		t.Fatal(err)
	}
	fails(t, again(t, e, nil), "run it once more, without --snapshot")
	if again(t, e, nil).config.Unfinished() {
		t.Error("data of a voter would be removed")
	}
	if err := again(t, e, nil).Recover(t.Context(), func(context.Context, *clientv3.Client) error { return nil }); err != nil {
		t.Fatal(err)
	}
	runs(t, again(t, e, nil), func(c *clientv3.Client) {
		if r, err := c.Get(t.Context(), "x"); err != nil || len(r.Kvs) != 1 {
			t.Error(r, err)
		}
	})

	for pages := range 3 {
		if err := os.Truncate(e.config.database(), int64(3-pages)*int64(os.Getpagesize())); err != nil {
			t.Fatal(err)
		}
		fails(t, again(t, e, nil), "if the other voters answer")
	}
}

// A recovery from a snapshot that has not ended begins anew.
func TestUnfinishedSnapshot(t *testing.T) {
	e := lone(t)
	interrupted := errors.New("interrupted")
	err := e.Recover(t.Context(), func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Put(ctx, "half", "1")
		return errors.Join(err, interrupted)
	})
	if !errors.Is(err, interrupted) || !e.config.HasData() || !e.config.Unfinished() {
		t.Fatal(err)
	}
	fails(t, again(t, e, nil), "run it once more, with its --snapshot")
	next := again(t, e, nil)
	if err := next.config.Discard(); err != nil || next.config.HasData() {
		t.Fatal(err)
	}
	if err := next.Recover(t.Context(), func(context.Context, *clientv3.Client) error { return nil }); err != nil {
		t.Fatal(err)
	}
	runs(t, again(t, e, nil), func(c *clientv3.Client) {
		if r, err := c.Get(t.Context(), "half"); err != nil || len(r.Kvs) != 0 {
			t.Error(r, err)
		}
	})
}
