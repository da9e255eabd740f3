package discovery_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/common/model"
	promdns "github.com/prometheus/prometheus/discovery/dns"

	"trapline/internal/discovery"
	"trapline/internal/poller"
	"trapline/internal/setting"
)

// hostileDNS answers with so many addresses, or with a name that leads to itself.
type hostileDNS struct{ addresses atomic.Int64 }

func (s *hostileDNS) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(r)
	answer.Compress = true
	name, n := r.Question[0].Name, int(s.addresses.Load())
	add := func(text string) {
		if record, err := dns.NewRR(text); err == nil {
			answer.Answer = append(answer.Answer, record)
		}
	}
	for i := range n {
		add(fmt.Sprintf("%s 1 IN A 10.1.%d.%d", name, i/250, i%250+1))
	}
	if n == 0 {
		for range 100 {
			add(name + " 1 IN CNAME other.example.")
			add("other.example. 1 IN CNAME " + name)
		}
	}
	if w.LocalAddr().Network() == "udp" {
		answer.Truncate(dns.MinMsgSize)
	}
	_ = w.WriteMsg(answer) // which fails for more than 64 KiB
}

// A name with as many addresses as a message has room for is a list; one with more, which no message carries, keeps the last
// list, and so does for its grace one that leads to itself.
func TestDNSThatIsHostile(t *testing.T) {
	if !apart(t) {
		return
	}
	s := &hostileDNS{}
	startDNS(t, s)
	d := discovery.New(func() {}, slog.New(slog.DiscardHandler))
	d.Configure(discovery.Configuration{
		Lists: []discovery.Settings{{Name: "dns", DNS: []*setting.Foreign[promdns.SDConfig]{{Value: promdns.SDConfig{
			Names: []string{"all.example."}, Type: "A", Port: 161, RefreshInterval: model.Duration(200 * time.Millisecond),
		}}}}},
		Usual: func(*poller.TargetSettings) error { return nil }, StateDir: t.TempDir(),
	})
	s.addresses.Store(4000)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- d.Run(ctx) }()
	until := func(what string, is func(discovery.Status) bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !is(d.Lists()[0]); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %+v", what, d.Lists()[0])
			}
		}
		if got := len(d.Entries()); got != 4000 {
			t.Errorf("%s: %d targets", what, got)
		}
	}
	until("4,000", func(s discovery.Status) bool { return s.Targets == 4000 && s.Sources[0].Error == "" })
	s.addresses.Store(10_000)
	until("10,000", func(s discovery.Status) bool { return s.Sources[0].Error != "" })
	s.addresses.Store(0)
	until("a circle", func(s discovery.Status) bool { return s.Held == 4000 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
