package bars

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"trapline/internal/peers"
)

// sharedName has the addresses of all members.
const sharedName = "members.example"

// nameMembers serves the name, with the addresses in their order, and has everybody inside ask for names there.
func nameMembers(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver "+hub.String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(file, "/etc/resolv.conf", "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenPacket("udp", net.JoinHostPort(hub.String(), "53"))
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: c, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg)
		answer.SetReply(q)
		if name := q.Question[0]; name.Name == sharedName+"." && name.Qtype == dns.TypeA {
			for i := range memberCount {
				answer.Answer = append(answer.Answer, &dns.A{Hdr: dns.RR_Header{Name: name.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.ParseIP(hostOf(i))})
			}
		}
		_ = w.WriteMsg(answer)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() {
		_ = server.Shutdown()
		_ = syscall.Unmount("/etc/resolv.conf", 0)
	})
}

// unplug has a member neither send nor receive anything. Others on its network learn after seconds that it is not there, those behind
// a router never do.
func unplug(t *testing.T, i int, behindRouter bool) (plug func()) {
	t.Helper()
	link := fmt.Sprintf("link%d", i+1)
	run(t, "ip", "link", "set", link, "nomaster")
	if behindRouter { // nobody asks for the hardware address
		run(t, "ip", "neighbor", "replace", hostOf(i), "lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", "bridge")
	}
	return func() {
		run(t, "ip", "link", "set", link, "master", "bridge")
		_ = exec.Command("ip", "neighbor", "del", hostOf(i), "dev", "bridge").Run() // there may be none
	}
}

// sample is a value of a series at a time, in seconds.
type sample struct {
	at    float64
	value string
}

// scraped is a Prometheus with one job.
type scraped struct {
	*site
	*peers.Prometheus
}

func (p *scraped) ask(path string) string {
	r, err := http.Get(p.URL + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// samples returns the samples of each target since a time.
func (p *scraped) samples(metric string, since time.Time) map[string][]sample {
	p.t.Helper()
	text := p.ask("/api/v1/query?query=" + url.QueryEscape(fmt.Sprintf("%s[%ds]", metric, int(time.Since(since).Seconds())+1)))
	var answer struct {
		Data struct {
			Result []struct {
				Metric struct{ Instance string }
				Values [][2]any
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		p.t.Fatalf("%v: %.300s", err, text)
	}
	all := map[string][]sample{}
	for _, r := range answer.Data.Result {
		for _, v := range r.Values {
			all[r.Metric.Instance] = append(all[r.Metric.Instance], sample{v[0].(float64), v[1].(string)})
		}
	}
	return all
}

// down returns for how long a target was down, at most: from a scrape that failed to the next that did not.
func down(list []sample) (longest time.Duration) {
	since := 0.0
	for _, s := range list {
		switch {
		case s.value == "0" && since == 0:
			since = s.at
		case s.value == "1" && since > 0:
			longest, since = max(longest, time.Duration((s.at-since)*float64(time.Second))), 0
		}
	}
	if since > 0 {
		longest = time.Hour
	}
	return longest
}

var poolTargets = regexp.MustCompile(`(?m)^prometheus_target_scrape_pool_targets\{.*\} (\d+)$`)

// count returns how many targets Prometheus has.
func (p *scraped) count() int {
	found := poolTargets.FindStringSubmatch(p.ask("/metrics"))
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// reasons counts the targets that are down now by why they are.
func (p *scraped) reasons(into map[string]int) {
	var answer struct {
		Data struct {
			ActiveTargets []struct{ Health, LastError string }
		}
	}
	if json.Unmarshal([]byte(p.ask("/api/v1/targets?state=active")), &answer) == nil {
		for _, t := range answer.Data.ActiveTargets {
			if t.Health == "down" {
				into[t.LastError]++
			}
		}
	}
}

// Prometheus knows the members by one name that has an address of each. A member is killed, and then the host of one is silent: the targets
// stay those they are, no scrape fails of the targets of others, and those of the member are down for one scrape at most (bar 11).
func TestPrometheus(t *testing.T) {
	s := newSite(t)
	nameMembers(t)
	if os.Getenv("TRAPLINE_BARS_SYN") == "" { // as docs/15-cluster.md advises
		run(t, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/tcp_syn_retries")
	}
	kill := func(i int) func() {
		s.stop(i, syscall.SIGKILL)
		return func() { s.start(i) }
	}
	for _, c := range []struct {
		text   string
		victim int
		do     func(i int) (end func())
	}{
		{"the first address is killed", 0, kill},
		{"another address is killed", 1, kill},
		{"another address is silent, on the same network", 1, func(i int) func() { return unplug(t, i, false) }},
		{"another address is silent, behind a router", 1, func(i int) func() { return unplug(t, i, true) }},
		{"the first address is silent, on the same network", 0, func(i int) func() { return unplug(t, i, false) }},
		{"the first address is silent, behind a router", 0, func(i int) func() { return unplug(t, i, true) }},
	} {
		t.Run(c.text, func(t *testing.T) {
			s.t = t
			s.await(time.Minute, "the cluster is whole", s.whole)
			// One that has seen no fault: its connections are to the first address.
			p := &scraped{s, peers.StartPrometheus(t, fmt.Sprintf("global: {scrape_interval: %s, scrape_timeout: %[1]s}\nscrape_configs: [{job_name: trapline, http_sd_configs: [{url: 'http://%s:9116/sd', refresh_interval: 5s}]}]\n", interval, sharedName))}
			s.await(time.Minute, "all are scraped", func() bool {
				up, err := p.Query("count(up == 1)")
				return err == nil && len(up) == 1 && up[0].Value[1] == strconv.Itoa(targets)
			})
			at := time.Now()
			had := s.devices.lastBy(c.victim, at)
			healed := s.fault(c.text, false)
			end := c.do(c.victim)
			fewest, most := targets, targets
			again, why := time.Duration(0), map[string]int{}
			for tick := time.Tick(time.Second); time.Since(at) < 9*interval; <-tick {
				fewest, most = min(fewest, p.count()), max(most, p.count())
				if longest, missing := s.devices.again(had, at, othersOf(c.victim)...); again == 0 && missing == 0 {
					again = longest
				}
				p.reasons(why)
			}
			t.Logf("reasons, times a second: %v", why)
			t.Logf("its %d targets were polled by others after %v at most", len(had), again.Round(10*time.Millisecond))
			if fewest != targets || most != targets {
				t.Errorf("Prometheus had %d to %d targets, of %d", fewest, most, targets)
			}
			p.judge(had, at)
			end()
			healed()
		})
		s.t = t
	}
}

// judge checks the scrapes since a fault of a member that had these devices.
func (p *scraped) judge(had []int, since time.Time) {
	p.t.Helper()
	own := map[string]bool{}
	for _, device := range had {
		own[targetName(device)] = true
	}
	all, seconds := p.samples("up", since), p.samples("scrape_duration_seconds", since)
	if len(all) != targets {
		p.t.Errorf("%d targets are in the data", len(all))
	}
	type outcome struct {
		targets, down int
		longest       time.Duration
		slowest       float64
	}
	of := map[bool]*outcome{true: {}, false: {}}
	for instance, list := range all {
		o := of[own[instance]]
		o.targets++
		if d := down(list); d > 0 {
			o.down++
			o.longest = max(o.longest, d)
		}
		for _, s := range seconds[instance] {
			value, _ := strconv.ParseFloat(s.value, 64)
			o.slowest = max(o.slowest, value)
		}
	}
	for _, is := range []bool{true, false} {
		o := of[is]
		p.t.Logf("of %d targets (the member's: %v) %d were down, for %v at most; scrapes took %.1f s at most", o.targets, is, o.down, o.longest.Round(100*time.Millisecond), o.slowest)
	}
	p.bar("the member's targets are down", of[true].longest, interval+2*time.Second)
	if n := of[false].down; n > 0 {
		p.t.Errorf("%d targets of others were down", n)
	}
}
