package listen

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"trapline/internal/poller"
	"trapline/internal/snmp"
	"trapline/internal/traps"
)

// While notifications come and the configuration changes, Run ends with its context, and leaves no goroutine behind, also
// while targets are polled because of traps and do not answer.
func TestRunEndsUnderFire(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		c := &Configuration{Settings: Settings{Addresses: []string{"127.0.78.2:0"}, Allow: []string{"127.0.0.0/8"}, Rate: 1e9}, Targets: []traps.Target{{Name: "a", Address: "127.0.78.3"}},
			Rules: []traps.Settings{{Alert: "A", On: linkDown.String(), Until: "up == 1", Clear: []string{linkUp.String()}}}}
		c.Settings.Repoll = map[string]string{linkDown.String(): repollTarget}
		l, _ := newListener(t, c)
		polls := make(chan struct{}, 1000)
		l.refreshes.refresh = func(ctx context.Context, _ string, _ *poller.Rows) error {
			polls <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		if err := l.Open(&c.Settings); err != nil {
			t.Fatal(err)
		}
		if err := l.Configure(c); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- l.Run(ctx) }()
		to := l.sockets[c.Settings.Addresses[0]].conn.LocalAddr().(*net.UDPAddr)
		from, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 78, 3)}, to)
		if err != nil {
			t.Fatal(err)
		}
		fire := make(chan struct{})
		go func() {
			defer close(fire)
			for i := uint32(0); ctx.Err() == nil; i++ {
				_, _ = from.Write(keyed([]snmp.OID{linkDown, linkUp}[i%2], i, byte(i)))
			}
		}()
		<-polls
		for i := range 20 {
			next := *c
			next.Rules = slices.Clone(c.Rules)
			next.Rules[0].Alert = fmt.Sprint("A", i%3)
			if err := l.Configure(&next); err != nil {
				t.Error(err)
			}
			l.Ended(poller.Report{Target: &poller.Target{Name: "a"}, Last: &poller.Pass{Up: true, Start: time.Now()}})
			l.Received(10)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		<-fire
		_ = from.Close()
		_ = l.Close() // of sockets that Run has closed
	}
	for n := 0; runtime.NumGoroutine() > before; n++ {
		if n > 1000 {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
	}
}
