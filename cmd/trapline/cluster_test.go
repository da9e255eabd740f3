package main

import (
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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"trapline/internal/agent"
	"trapline/internal/api"
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

type siteMember struct {
	address string // and name
	state   string
	command *exec.Cmd
	ended   chan error
}

func (m *siteMember) url() string { return "http://" + net.JoinHostPort(m.address, "9116") }

// newSite starts three members that share simulated devices at 127.0.NET.100 and on.
func newSite(t *testing.T, network string, devices int) *site {
	t.Helper()
	s := &site{t: t, program: program(t), devices: devices}
	var list []agent.Device
	for i := range devices {
		list = append(list, agent.Device{Address: netip.MustParseAddrPort(fmt.Sprintf("127.0.%s.%d:20161", network, 100+i)), Communities: map[string]*agent.Recording{"public": agent.Builtin["switch"](i)}})
	}
	programtest.ServeDevices(t, list)
	var text strings.Builder
	fmt.Fprintf(&text, "cluster:\n  members: [127.0.%[1]s.1, 127.0.%[1]s.2, 127.0.%[1]s.3]\n  lease: 3s\nglobal: {interval: 1s}\ntargets:\n", network)
	for i := range devices {
		fmt.Fprintf(&text, "- {name: device-%d, address: \"127.0.%s.%d:20161\", modules: [system]}\n", i, network, 100+i)
	}
	s.file = filepath.Join(t.TempDir(), "snmp.yml")
	if err := os.WriteFile(s.file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		m := &siteMember{address: fmt.Sprintf("127.0.%s.%d", network, i+1), state: t.TempDir()}
		s.members = append(s.members, m)
		s.start(m)
	}
	return s
}

func (s *site) start(m *siteMember) {
	s.t.Helper()
	m.command = exec.Command(s.program, "--config.file="+s.file, "--cluster.member="+m.address, "--web.listen-address="+net.JoinHostPort(m.address, "9116"))
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
	begun := time.Now()
	for tick := time.Tick(50 * time.Millisecond); !condition(); <-tick {
		if time.Since(begun) > 2*time.Minute {
			s.t.Fatalf("not within two minutes: %s", text)
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
}
