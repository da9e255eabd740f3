package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trapline/internal/agent"
	"trapline/internal/api"
	"trapline/internal/cluster/peer"
	"trapline/internal/programtest"
)

// site is a cluster of three processes on addresses of their own, with the same file.
type site struct {
	t       *testing.T
	program string
	file    string
	members []*siteMember
	devices int
}

const siteInterval = time.Second

type siteMember struct {
	address string // and name
	state   string
	file    string // "": that of the site
	command *exec.Cmd
	ended   chan error
}

func (m *siteMember) url() string { return "http://" + net.JoinHostPort(m.address, "9116") }

// newSite starts three members that share simulated devices at 127.0.NET.100 and on.
func newSite(t *testing.T, network string, devices int) *site {
	t.Helper()
	return newSiteOf(t, network, devices, simulated(t, network, devices))
}

// simulated starts simulated devices at 127.0.NET.100 and on, and returns the targets of a configuration.
func simulated(t *testing.T, network string, devices int) string {
	t.Helper()
	var list []agent.Device
	for i := range devices {
		list = append(list, agent.Device{Address: netip.MustParseAddrPort(fmt.Sprintf("127.0.%s.%d:20161", network, 100+i)), Communities: map[string]*agent.Recording{"public": agent.Builtin["switch"](i)}})
	}
	programtest.ServeDevices(t, list)
	var text strings.Builder
	text.WriteString("targets:\n")
	for i := range devices {
		fmt.Fprintf(&text, "- {name: device-%d, address: \"127.0.%s.%d:20161\", modules: [system]}\n", i, network, 100+i)
	}
	return text.String()
}

// newSiteOf starts three members with some targets and other settings.
func newSiteOf(t *testing.T, network string, targets int, text string) *site {
	t.Helper()
	return newSiteWith(t, network, targets, text, votersOf(network))
}

// votersOf returns the voters of a network, as keys of the section cluster.
func votersOf(network string) string {
	return fmt.Sprintf("members: [127.0.%[1]s.1, 127.0.%[1]s.2, 127.0.%[1]s.3]", network)
}

// newSiteWith starts three members with keys of the section cluster that say where their engine is.
func newSiteWith(t *testing.T, network string, targets int, text, engine string) *site {
	t.Helper()
	s := plannedSite(t, network, targets)
	s.write(text, engine)
	for _, m := range s.members {
		s.start(m)
	}
	return s
}

// networks are those of sites, by test: they may run at the same time.
var networks sync.Map

// plannedSite returns a site of three members without a file, of which none is started.
func plannedSite(t *testing.T, network string, targets int) *site {
	t.Helper()
	if of, taken := networks.LoadOrStore(network, t.Name()); taken {
		t.Fatalf("%s has the network %s already", of, network)
	}
	s := &site{t: t, program: program(t), devices: targets, file: filepath.Join(t.TempDir(), "snmp.yml")}
	for i := range 3 {
		s.members = append(s.members, &siteMember{address: fmt.Sprintf("127.0.%s.%d", network, i+1), state: t.TempDir()})
	}
	return s
}

// write writes the file, with a section cluster if that has keys that say where the engine is.
func (s *site) write(text, engine string) {
	s.t.Helper()
	if engine != "" {
		text += fmt.Sprintf("cluster:\n  %s\n  lease: 3s\n", engine)
	}
	text += fmt.Sprintf("global: {interval: %s, max_age: 1m}\n", siteInterval)
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) start(m *siteMember) {
	s.t.Helper()
	s.run(m, "--cluster.member="+m.address)
}

// run starts a process with the state directory and the address of a member.
func (s *site) run(m *siteMember, flags ...string) {
	s.t.Helper()
	m.command = exec.Command(s.program, append(flags, "--config.file="+cmp.Or(m.file, s.file), "--web.listen-address="+net.JoinHostPort(m.address, "9116"))...)
	m.command.Env = append(os.Environ(), "STATE_DIRECTORY="+m.state)
	log, err := os.OpenFile(filepath.Join(m.state, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	m.command.Stderr = log
	if err := m.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	m.ended = make(chan error, 1)
	go func(c *exec.Cmd, ended chan<- error) { ended <- c.Wait() }(m.command, m.ended)
	s.t.Cleanup(func() {
		s.stop(m, syscall.SIGKILL)
		if s.t.Failed() {
			text, _ := os.ReadFile(filepath.Join(m.state, "log"))
			s.t.Logf("%s:\n%s", m.address, text[max(0, len(text)-3000):])
		}
	})
}

// stop ends a member by a signal.
func (s *site) stop(m *siteMember, signal syscall.Signal) error {
	if m.command == nil {
		return nil
	}
	_ = m.command.Process.Signal(signal)
	err := <-m.ended
	m.command = nil
	return err
}

func (s *site) alive() []*siteMember {
	return slices.DeleteFunc(slices.Clone(s.members), func(m *siteMember) bool { return m.command == nil })
}

// get returns the body of an answer, and its status; 0 without one.
func (s *site) get(url string) (string, int) {
	client := http.Client{Timeout: 15 * time.Second}
	r, err := client.Get(url)
	if err != nil {
		return err.Error(), 0
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err.Error(), 0
	}
	return string(text), r.StatusCode
}

// await waits for a condition, and returns how long it took.
func (s *site) await(text string, condition func() bool) time.Duration {
	s.t.Helper()
	return s.awaitWithin(2*time.Minute, text, condition)
}

func (s *site) awaitWithin(patience time.Duration, text string, condition func() bool) time.Duration {
	s.t.Helper()
	begun := time.Now()
	for tick := time.Tick(50 * time.Millisecond); !condition(); <-tick {
		if time.Since(begun) > patience {
			s.t.Fatalf("not within %v: %s", patience, text)
		}
	}
	took := time.Since(begun)
	s.t.Logf("%s: %v", text, took.Round(10*time.Millisecond))
	return took
}

var polledTarget = regexp.MustCompile(`(?m)^trapline_target_passes_total\{[^}]*target="([^"]*)"[^}]*\} (\d+)`)

// polls returns how often each target was polled by each member that lives.
func (s *site) polls() map[string]map[string]int {
	all := map[string]map[string]int{}
	for _, m := range s.alive() {
		text, _ := s.get(m.url() + "/metrics")
		for _, found := range polledTarget.FindAllStringSubmatch(text, -1) {
			if all[found[1]] == nil {
				all[found[1]] = map[string]int{}
			}
			all[found[1]][m.address], _ = strconv.Atoi(found[2])
		}
	}
	return all
}

// polledOnce reports whether each target is polled, and by one member.
func (s *site) polledOnce() bool {
	all := s.polls()
	if len(all) != s.devices {
		return false
	}
	for _, by := range all {
		if len(by) != 1 {
			return false
		}
		for _, n := range by {
			if n == 0 {
				return false
			}
		}
	}
	return true
}

func (s *site) status(m *siteMember) (c api.Cluster) {
	text, _ := s.get(m.url() + "/api/v1/cluster")
	var answer struct{ Data api.Cluster }
	_ = json.Unmarshal([]byte(text), &answer)
	return answer.Data
}

// Three processes with the same file share the polling: each target is polled by one of them. Those of one that is killed
// are polled by the others, and one that leaves hands them over.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	const devices = 30
	s := newSite(t, "76", devices)
	s.await("each target is polled by one member", s.polledOnce)
	s.await("the cluster is whole", func() bool { return s.status(s.members[0]).Whole })
	s.answersAlike()
	s.await("each member knows the devices of all", s.knownAlike)
	s.answersByLastPolls()
	s.await("each target is listed under the address of its owner", s.ownersListed)

	killed := s.members[2]
	_ = s.stop(killed, syscall.SIGKILL)
	s.await("killed: its targets are polled again", s.polledOnce)
	s.await("killed: the others know all devices", s.knownAlike)
	s.await("killed: each target is listed under the address of its new owner", s.ownersListed)
	s.answersAlike()
	c := s.status(s.members[0])
	if c.Whole || !slices.Equal(c.Absent, []string{killed.address}) {
		t.Errorf("with a member absent: %+v", c)
	}
	if out, err := exec.Command(s.program, "cluster", "status", "--url="+s.members[0].url()).CombinedOutput(); err == nil || !strings.Contains(string(out), "absent") {
		t.Errorf("cluster status: %v\n%s", err, out)
	}

	s.start(killed)
	s.await("started again: the cluster is whole, and each member polls", func() bool {
		c := s.status(s.members[0])
		return c.Whole && len(c.Members) == 3 && !slices.ContainsFunc(c.Members, func(m api.ClusterMember) bool { return m.Targets == 0 }) && s.polledOnce()
	})

	gaps := s.watchGaps()
	if err := s.stop(s.members[1], syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	s.await("stopped: its targets are polled by others", s.polledOnce)
	t.Logf("the longest time between two polls of a target: %v, with an interval of %v", gaps().Round(10*time.Millisecond), siteInterval)

	_ = s.stop(killed, syscall.SIGKILL)
	s.await("one of three: lists of alarms say that they are of before", func() bool {
		out, _ := exec.Command(s.program, "alarms", "--url="+s.members[0].url()).CombinedOutput()
		return strings.Contains(string(out), "warning: member "+s.members[0].address+" does not reach a majority of the voters")
	})
}

var targetAge = regexp.MustCompile(`(?m)^trapline_target_age_seconds\{[^}]*target="([^"]*)"[^}]*\} (\S+)`)

// watchGaps watches when targets are polled. The function that it returns ends that, and returns the longest time between two
// polls of a target, whoever made them.
func (s *site) watchGaps() (end func() time.Duration) {
	stop, ended := make(chan struct{}), make(chan time.Duration)
	var urls []string
	for _, m := range s.members {
		urls = append(urls, m.url()+"/metrics")
	}
	go func() {
		last, longest := map[string]time.Time{}, time.Duration(0)
		for tick := time.Tick(100 * time.Millisecond); ; {
			for _, url := range urls {
				text, _ := s.get(url)
				now := time.Now()
				for _, found := range targetAge.FindAllStringSubmatch(text, -1) {
					age, err := strconv.ParseFloat(found[2], 64)
					at := now.Add(-time.Duration(age * float64(time.Second)))
					if before := last[found[1]]; err == nil && at.After(before) {
						if last[found[1]] = at; !before.IsZero() {
							longest = max(longest, at.Sub(before))
						}
					}
				}
			}
			select {
			case <-stop:
				ended <- longest
				return
			case <-tick:
			}
		}
	}()
	return func() time.Duration {
		close(stop)
		return <-ended
	}
}

// answersAlike compares the members: each lists all targets, and has the series of each, whoever polls it.
func (s *site) answersAlike() {
	s.t.Helper()
	for _, m := range s.alive() {
		text, _ := s.get(m.url() + "/sd")
		var groups []struct{ Labels map[string]string }
		if err := json.Unmarshal([]byte(text), &groups); err != nil {
			s.t.Fatalf("%v: %s", err, text)
		}
		names := map[string]bool{}
		for _, g := range groups {
			names[g.Labels["instance"]] = true
		}
		if len(groups) != s.devices || len(names) != s.devices {
			s.t.Errorf("%s lists %d targets of %d names", m.address, len(groups), len(names))
		}
		for name := range names {
			if text, status := s.get(m.url() + "/targets/" + name + "/metrics"); status != http.StatusOK || !strings.Contains(text, "sysUpTime") {
				s.t.Errorf("%s: scrape of %s: %d %.300s", m.address, name, status, text)
			}
		}
	}
	if text, status := s.get(s.members[0].url() + "/targets/device-x/metrics"); status != http.StatusNotFound {
		s.t.Errorf("an unknown target: %d %s", status, text)
	}
}

// knownAlike reports whether the members say the same of all targets, whoever polls them: service discovery with the facts of the
// devices, the list, and each target.
func (s *site) knownAlike() bool {
	var first []string
	for i, m := range s.alive() {
		host := regexp.MustCompile(regexp.QuoteMeta(m.address) + ":9116")
		text, _ := s.get(m.url() + "/sd")
		answers := []string{host.ReplaceAllString(text, "HOST")}
		if strings.Count(text, "__meta_trapline_sysname") != s.devices {
			return false
		}
		var list struct {
			Data     api.TargetList
			Warnings []string
		}
		text, _ = s.get(m.url() + "/api/v1/targets?sort=name&limit=1000")
		if err := json.Unmarshal([]byte(text), &list); err != nil || list.Data.Counts.Up != s.devices || len(list.Warnings) > 0 {
			return false
		}
		for _, t := range list.Data.Targets {
			answers = append(answers, t.Name+" "+t.SysName+" "+string(t.State))
		}
		for _, t := range list.Data.Targets[:3] {
			var one struct{ Data api.Target }
			text, _ := s.get(m.url() + "/api/v1/targets/" + t.Name)
			if err := json.Unmarshal([]byte(text), &one); err != nil || one.Data.State != api.Up || len(one.Data.Tables) == 0 {
				return false
			}
			if text, status := s.get(m.url() + "/targets/" + t.Name); status != http.StatusOK || !strings.Contains(text, one.Data.Identity.SysName) {
				s.t.Errorf("the page of %s: %d", t.Name, status)
			}
		}
		if i == 0 {
			first = answers
		} else if !slices.Equal(answers, first) {
			return false
		}
	}
	return true
}

// ownersListed reports whether each member lists the targets under the address of the member that polls them, if that is wanted.
func (s *site) ownersListed() bool {
	by := s.polls()
	for _, m := range s.alive() {
		text, _ := s.get(m.url() + "/sd?address=owner")
		var groups []struct {
			Targets []string
			Labels  map[string]string
		}
		if err := json.Unmarshal([]byte(text), &groups); err != nil || len(groups) != s.devices {
			return false
		}
		for _, g := range groups {
			host, port, err := net.SplitHostPort(g.Targets[0])
			if _, polls := by[g.Labels["instance"]][host]; err != nil || port != "9116" || !polls {
				return false
			}
		}
	}
	return true
}

// answersByLastPolls asks the members for passes on demand: those of a target are all its last poll, which has one uptime, whoever
// made it.
func (s *site) answersByLastPolls() {
	s.t.Helper()
	for i := range 3 {
		s.await(fmt.Sprintf("the members have one poll of device-%d", i), func() bool {
			uptimes := map[string]bool{}
			for _, m := range s.alive() {
				text, status := s.get(fmt.Sprintf("%s/snmp?target=device-%d", m.url(), i))
				if status != http.StatusOK {
					s.t.Fatalf("%s: /snmp: %d %.300s", m.address, status, text)
				}
				uptimes[regexp.MustCompile(`(?m)^sysUpTime.*$`).FindString(text)] = true
			}
			return len(uptimes) == 1 && !uptimes[""]
		})
	}
}

// A request that another member has passed on goes no further, and a target without an owner is a failed scrape.
func TestClusterScrapeIsPassedOnOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	s := newSite(t, "77", 6)
	s.await("each target is polled by one member", s.polledOnce)
	for name, by := range s.polls() {
		for _, m := range s.members {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.url()+"/targets/"+name+"/metrics", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set(peer.Header, "another")
			r, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			want := http.StatusServiceUnavailable
			if _, own := by[m.address]; own {
				want = http.StatusOK
			}
			if r.StatusCode != want {
				t.Errorf("%s of %s, which was passed on: %d, want %d", name, m.address, r.StatusCode, want)
			}
		}
	}
}

// Without the key nothing of a cluster runs.
func TestWithoutCluster(t *testing.T) {
	base := startServer(t, "targets: [{name: a, address: \"127.0.76.99:20161\"}]\n")
	stacks := make([]byte, 8<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if !strings.Contains(string(stacks), "app.(*daemon).run") {
		t.Fatal("no daemon runs")
	}
	for _, room := range []string{"trapline/internal/cluster", "trapline/internal/member", "go.etcd.io/", "google.golang.org/grpc"} {
		if strings.Contains(string(stacks), room) {
			t.Errorf("a goroutine of %s runs", room)
		}
	}
	if _, _, text := get(t, base+"/metrics"); strings.Contains(text, "trapline_cluster_") {
		t.Error("there are metrics of a cluster")
	}
}

// Without the engine a member polls and serves the targets that it had, also after a restart.
func TestClusterWithoutEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	s := newSite(t, "78", 6)
	left := s.members[0]
	s.await("each target is polled by one member", s.polledOnce)
	s.await("each member polls", func() bool {
		c := s.status(left)
		return c.Whole && len(c.Members) == 3 && !slices.ContainsFunc(c.Members, func(m api.ClusterMember) bool { return m.Targets == 0 }) && s.polledOnce()
	})
	before := s.polls()
	for _, m := range s.members[1:] {
		_ = s.stop(m, syscall.SIGKILL)
	}
	s.await("the member that is left has no session", func() bool { c := s.status(left); return c.Member != "" && c.Session < -2 })
	since := s.polls()
	s.await("it polls on", func() bool {
		now := s.polls()
		for name, by := range before {
			if n, had := by[left.address]; had && now[name][left.address] <= max(n, since[name][left.address]) {
				return false
			}
		}
		return true
	})
	s.servesAlone(left, before)
	_ = s.stop(left, syscall.SIGKILL)
	s.start(left)
	s.await("started again: it polls the targets that it had", func() bool {
		now := s.polls()
		for name, by := range before {
			if _, had := by[left.address]; had && now[name][left.address] == 0 {
				return false
			}
		}
		return true
	})
	s.servesAlone(left, before)
	for _, m := range s.members[1:] {
		s.start(m)
	}
	s.await("all are back: each target is polled by one member", s.polledOnce)
}

// servesAlone checks that a member has the series of the targets that it polled, and of no other.
func (s *site) servesAlone(m *siteMember, polled map[string]map[string]int) {
	s.t.Helper()
	for name, by := range polled {
		want := http.StatusServiceUnavailable
		if _, had := by[m.address]; had {
			want = http.StatusOK
		}
		if text, status := s.get(m.url() + "/targets/" + name + "/metrics"); status != want {
			s.t.Errorf("%s: %d %.200s, want %d", name, status, text, want)
		}
	}
}

// The commands of disasters: a copy, one survivor of three, and a voter of another name. make cluster-test runs it.
func TestClusterDisasters(t *testing.T) {
	if os.Getenv("TRAPLINE_SOAK") == "" {
		t.Skip("a minute of restarts")
	}
	t.Parallel()
	s := newSite(t, "73", 6)
	whole := func(m *siteMember) func() bool { return func() bool { return s.status(m).Whole && s.polledOnce() } }
	run := func(m *siteMember, args ...string) string {
		t.Helper()
		c := exec.Command(s.program, append(args, "--config.file="+s.file)...)
		c.Env = append(os.Environ(), "STATE_DIRECTORY="+m.state)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	survivor := s.members[0]
	s.await("the cluster is whole", whole(survivor))
	id := s.status(survivor).ID
	file := filepath.Join(t.TempDir(), "snapshot")
	if out := run(survivor, "cluster", "snapshot", file); !strings.Contains(out, " rows of the cluster") {
		t.Error(out)
	}

	for _, m := range s.members {
		_ = s.stop(m, syscall.SIGKILL)
	}
	for _, m := range s.members[1:] {
		m.state = t.TempDir()
	}
	if out := run(survivor, "cluster", "recover", "--cluster.member="+survivor.address); !strings.Contains(out, id+" has one voter") {
		t.Error(out)
	}
	s.start(survivor)
	s.await("the survivor polls everything", func() bool { return s.status(survivor).Session > 0 && s.polledOnce() })
	s.start(s.members[1])
	s.start(s.members[2])
	s.await("the others have joined it", whole(survivor))
	if got := s.status(s.members[2]).ID; got != id {
		t.Errorf("the cluster is %s now, was %s", got, id)
	}

	gone := s.members[2]
	_ = s.stop(gone, syscall.SIGKILL)
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	added := &siteMember{address: "127.0.73.4", state: t.TempDir()}
	if err := os.WriteFile(s.file, []byte(strings.Replace(string(text), gone.address+"]", added.address+"]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	run(survivor, "cluster", "replace", gone.address, added.address)
	s.members[2] = added
	s.start(added)
	s.await("the other voter is in its place", func() bool { c := s.status(added); return c.Whole && slices.Contains(c.Voting, added.address) })
	_ = s.stop(survivor, syscall.SIGTERM)
	s.await("it votes: one of three may be gone", func() bool { return s.status(added).Session > 0 && s.polledOnce() })
	s.start(survivor)
	s.await("the cluster is whole", whole(survivor))
}
