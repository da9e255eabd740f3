package discovery_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"trapline/config"
	"trapline/internal/discovery"
	"trapline/internal/peers"
	"trapline/internal/poller"
)

// shown is a target as a scrape job for snmp_exporter and as Trapline have it.
type shown struct {
	Name, Address, Auth, Context string
	Modules                      []string
	Interval                     time.Duration
	Labels                       map[string]string
}

// jobs makes up scrape jobs, and the lists that they read.
type jobs struct {
	*rand.Rand
	dir, url string
	served   map[string][]byte // by path
	mu       sync.Mutex        // guards records
	records  map[string]string // of the DNS, by name
	params   bool              // the job has them, and its entries have none: versions of Prometheus differ in which comes first
	text     strings.Builder
}

func (j *jobs) one(list ...string) string { return list[j.IntN(len(list))] }

// groups are groups of targets with labels, as a file or a server has them.
func (j *jobs) groups(job int, kind string) []byte {
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels,omitempty"`
	}
	all := []group{}
	for g := range j.IntN(4) {
		one := group{Targets: []string{}, Labels: map[string]string{}}
		for n := range j.IntN(5) {
			one.Targets = append(one.Targets, fmt.Sprintf("192.0.%d.%d", job, len(kind)*40+g*10+n))
		}
		for _, name := range []string{"site", "role", "__meta_vendor", "__param_auth", "__param_module", "__scrape_interval__", "rack_unit"} {
			if j.IntN(3) == 0 && !(j.params && strings.HasPrefix(name, "__param")) {
				one.Labels[name] = map[string]string{"__param_auth": j.one("public_v2", "secure"), "__param_module": j.one("if_mib", "system", "if_mib,system"), "__scrape_interval__": j.one("30s", "2m")}[name]
				if one.Labels[name] == "" {
					one.Labels[name] = j.one("Berlin", "core;1", "München", "a b")
				}
			}
		}
		all = append(all, one)
	}
	text, _ := json.Marshal(all)
	return text
}

// relabelling are rules beside those that every job for snmp_exporter has.
var relabelling = []string{
	`{source_labels: [site, role], separator: "/", target_label: place}`,
	`{source_labels: [site], regex: "Ber(.*)", target_label: rest, replacement: "$1-$1"}`,
	`{source_labels: [role], regex: core.*, action: drop}`,
	`{source_labels: [role], regex: "core.*|", action: keep}`,
	`{source_labels: [__address__], modulus: 3, target_label: shard, action: hashmod}`,
	`{regex: __meta_(.+), action: labelmap}`,
	`{regex: "ro.*", action: labeldrop}`,
	`{source_labels: [site], target_label: site, action: lowercase}`,
	`{source_labels: [site], target_label: SITE, action: uppercase}`,
	`{source_labels: [role], regex: ".+", target_label: __param_module, replacement: ucd_la_table}`,
	`{source_labels: [__meta_vendor], regex: "(a) b", target_label: __param_auth, replacement: "v_${1}"}`,
	`{source_labels: [job, __scheme__, __metrics_path__], target_label: from}`,
	`{target_label: __param_snmp_context, replacement: vlan-7}`,
	`{source_labels: [__param_target], target_label: instance, replacement: "dev-$1"}`,
	`{source_labels: [__param_auth], target_label: auth}`,
	`{source_labels: [site], regex: Berlin, target_label: __scrape_interval__, replacement: 90s}`,
	`{target_label: role, replacement: ""}`,
}

func (j *jobs) add(n int) {
	w := func(format string, args ...any) { fmt.Fprintf(&j.text, format, args...) }
	w("- job_name: job-%d\n  scrape_interval: 1m\n  scrape_timeout: 10s\n  metrics_path: /snmp\n", n)
	if j.params = j.IntN(2) == 0; j.params {
		w("  params: {auth: [public_v2], module: [%s]}\n", j.one("if_mib", "if_mib, system", "system, if_mib, hrSystem"))
	}
	kinds := 1 + j.IntN(15)
	if kinds&1 != 0 {
		file := filepath.Join(j.dir, fmt.Sprintf("job-%d.json", n))
		_ = os.WriteFile(file, j.groups(n, "f"), 0o600)
		w("  file_sd_configs: [{files: [%q]}]\n", file)
	}
	if kinds&2 != 0 {
		path := fmt.Sprintf("/job-%d", n)
		j.served[path] = j.groups(n, "ht")
		w("  http_sd_configs: [{url: %q}]\n", j.url+path)
	}
	if kinds&4 != 0 {
		w("  static_configs: [{targets: [192.0.%d.201, 192.0.%d.202], labels: {site: %s}}]\n", n, n, j.one("Berlin", "Rome"))
	}
	if kinds&8 != 0 {
		kind, name := j.one("SRV", "A", "AAAA", "MX"), fmt.Sprintf("job-%d.example.", n)
		w("  dns_sd_configs: [{names: [%q, none.example.], type: %s, port: 161}]\n", name, kind)
		zone := j.zone(n, kind)
		j.mu.Lock()
		j.records[name] = zone
		j.mu.Unlock()
	}
	w("  relabel_configs:\n  - {source_labels: [__address__], target_label: __param_target}\n  - {source_labels: [__param_target], target_label: instance}\n")
	for range j.IntN(5) {
		w("  - %s\n", relabelling[j.IntN(len(relabelling))])
	}
	w("  - {target_label: __address__, replacement: \"127.0.85.1:9\"}\n")
}

// zone makes up records of a name.
func (j *jobs) zone(job int, kind string) string {
	var text strings.Builder
	for n := range j.IntN(5) {
		data := map[string]string{"SRV": fmt.Sprintf("1 2 %d dev-%d.job-%d.example.", 161+n, n, job), "A": fmt.Sprintf("192.0.%d.%d", job, 210+n),
			"AAAA": fmt.Sprintf("2001:db8:%d::%d", job, n), "MX": fmt.Sprintf("%d mail-%d.job-%d.example.", n, n, job)}[kind]
		fmt.Fprintf(&text, "job-%d.example. 60 IN %s %s\n", job, kind, data)
	}
	return text.String()
}

// ServeDNS answers with the records of names.
func (j *jobs) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(r)
	j.mu.Lock()
	text, known := j.records[r.Question[0].Name]
	j.mu.Unlock()
	if !known {
		answer.Rcode = dns.RcodeNameError
	}
	for line := range strings.Lines(text) {
		if record, err := dns.NewRR(line); err == nil && record.Header().Rrtype == r.Question[0].Qtype {
			answer.Answer = append(answer.Answer, record)
		}
	}
	_ = w.WriteMsg(answer)
}

// nameServer is what resolv.conf says in the namespace of the test.
const nameServer = "127.0.66.2"

// startDNS answers on the port of the DNS, in a network of the test's own.
func startDNS(t *testing.T, h dns.Handler) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("udp", net.JoinHostPort(nameServer, "53"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(nameServer, "53"))
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{PacketConn: conn, Handler: h}, {Listener: listener, Handler: h}} {
		go func() { _ = server.ActivateAndServe() }()
		t.Cleanup(func() { _ = server.Shutdown() })
	}
}

// apart runs a test in a process of which network and /etc/resolv.conf are its own: the programs that it compares both read
// this file, and ask port 53.
func apart(t *testing.T) (inside bool) {
	const variable = "TRAPLINE_TEST_APART"
	if os.Getenv(variable) != "" {
		return true
	}
	file := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver "+nameServer+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := `mount --bind "$0" /etc/resolv.conf && exec "$@"`
	unshare := peers.Require(t, "unshare", "util-linux")
	if out, err := exec.Command(unshare, "-Urmn", "mount", "--bind", file, "/etc/resolv.conf").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: this machine has no mount namespaces: %v: %s", err, out)
	}
	command := exec.Command(unshare, "-Urmn", "sh", "-c", script, file, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), variable+"=1")
	out, err := command.CombinedOutput()
	if t.Logf("%s", out); err != nil {
		t.Error(err)
	}
	return false
}

// Scrape jobs for snmp_exporter that are pasted into `discovery` have the targets, labels and parameters that Prometheus
// has of them.
func TestScrapeJobsHaveTheTargetsOfPrometheus(t *testing.T) {
	peers.Require(t, "prometheus", "prometheus")
	if !apart(t) {
		return
	}
	seed := rand.Uint64()
	j := &jobs{Rand: rand.New(rand.NewPCG(seed, 15)), dir: t.TempDir(), served: map[string][]byte{}, records: map[string]string{}}
	startDNS(t, j)
	t.Logf("seed %d", seed)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(j.served[r.URL.Path])
	}))
	t.Cleanup(server.Close)
	j.url = server.URL
	const cases = 30
	for n := range cases {
		j.add(n)
	}
	prometheus := peers.StartPrometheus(t, "scrape_configs:\n"+j.text.String())
	got := trapline(t, j.text.String())
	var want, have map[string]map[string]shown
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if want, have = ofPrometheus(t, prometheus.URL), ofTrapline(got.Entries()); fmt.Sprint(want) == fmt.Sprint(have) {
			break
		}
	}
	for _, l := range got.Lists() {
		for _, r := range l.First {
			t.Logf("%s: %s is not polled: %s", l.Name, r.Name, r.Text)
		}
	}
	if len(want) != len(have) {
		t.Errorf("targets of %d jobs, of %d lists", len(want), len(have))
	}
	count := 0
	for job, targets := range want {
		count += len(targets)
		for name, one := range targets {
			if other := have[job][name]; fmt.Sprint(one) != fmt.Sprint(other) {
				t.Errorf("%s:\nPrometheus %+v\nTrapline   %+v", job, one, other)
			}
		}
	}
	if count < cases {
		t.Errorf("%d targets in all jobs", count)
	}
	t.Logf("%d targets of %d jobs are the same, %d of which read the DNS", count, cases, len(j.records))
	if len(j.records) == 0 {
		t.Error("no job reads the DNS")
	}
}

// trapline reads the jobs as lists.
func trapline(t *testing.T, jobs string) *discovery.Discovery {
	file := filepath.Join(t.TempDir(), "trapline.yml")
	if err := os.WriteFile(file, []byte("discovery:\n"+jobs), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load([]string{file}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := discovery.New(func() {}, slog.New(slog.DiscardHandler))
	d.Configure(discovery.Configuration{Lists: c.Discovery, Usual: func(*poller.TargetSettings) error { return nil }})
	go func() { _ = d.Run(t.Context()) }()
	return d
}

func ofTrapline(entries []*discovery.Entry) map[string]map[string]shown {
	all := map[string]map[string]shown{}
	for _, e := range entries {
		t := &e.Target
		if all[e.List] == nil {
			all[e.List] = map[string]shown{}
		}
		all[e.List][t.Name] = shown{t.Name, t.Address, t.Auth, t.Context, t.Modules, t.Interval.Duration, t.Labels}
	}
	return all
}

func ofPrometheus(t *testing.T, base string) map[string]map[string]shown {
	response, err := http.Get(base + "/api/v1/targets?state=active")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Data struct {
			ActiveTargets []struct {
				Labels         map[string]string
				ScrapePool     string
				ScrapeURL      string `json:"scrapeUrl"`
				ScrapeInterval string
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]shown{}
	for _, one := range answer.Data.ActiveTargets {
		asked, err := url.Parse(one.ScrapeURL)
		if err != nil {
			t.Fatal(err)
		}
		interval, _ := time.ParseDuration(one.ScrapeInterval)
		q := asked.Query()
		s := shown{Name: one.Labels["instance"], Address: q.Get("target"), Auth: q.Get("auth"), Context: q.Get("snmp_context"), Interval: interval, Labels: maps.Clone(one.Labels)}
		for _, value := range q["module"] {
			s.Modules = append(s.Modules, strings.Split(value, ",")...)
		}
		delete(s.Labels, "instance")
		delete(s.Labels, "job")
		if all[one.ScrapePool] == nil {
			all[one.ScrapePool] = map[string]shown{}
		}
		all[one.ScrapePool][s.Name] = s
	}
	return all
}
