package listen

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/poller"
)

// A reload that changes rates, senders and addresses keeps the sockets of the addresses that stay, and what waits in them.
func TestReloadsKeepSockets(t *testing.T) {
	c := &Configuration{Settings: Settings{Addresses: []string{"127.0.75.3:17531"}, Allow: []string{"127.0.0.0/8"}}}
	l, _ := newListener(t, &Configuration{})
	t.Cleanup(func() { _ = l.Close() })
	reload := func() *socket {
		if err := l.Open(&c.Settings); err != nil {
			t.Fatal(err)
		}
		if err := l.Configure(c); err != nil {
			t.Fatal(err)
		}
		return l.sockets["127.0.75.3:17531"]
	}
	first := reload()
	c.Settings.Rate, c.Settings.Allow = 7, []string{"192.0.2.0/24"}
	c.Settings.Addresses = append(c.Settings.Addresses, "127.0.75.3:17532")
	if reload() != first || len(l.sockets) != 2 {
		t.Error("the socket is another one")
	}
	c.Settings.Addresses = c.Settings.Addresses[:1]
	if reload() != first || len(l.sockets) != 1 {
		t.Error("the socket is another one")
	}
	c.Settings.Addresses = []string{"127.0.75.3:17531", "127.0.75.3:99999"}
	if l.Open(&c.Settings) == nil || l.sockets["127.0.75.3:17531"] != first {
		t.Error("an address that cannot be opened closes another one")
	}
}

// A device whose traps come a thousand times a second is polled once a second.
func TestFloodsCauseAPollASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		polls := 0
		r := newRefreshes(&Options{Refresh: func(context.Context, string, *poller.Rows) error { polls++; return nil }})
		for range 10_000 {
			r.want(t.Context(), "core-1", wish{whole: true})
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if polls < 9 || polls > 11 {
			t.Errorf("%d polls in 10 s", polls)
		}
		time.Sleep(3 * time.Second)
		r.running.Wait()
	})
}
