package cluster

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trapline/internal/cluster/plan"
)

// trio is three members in processes of their own, and the receiver of their events.
type trio struct {
	t      *testing.T
	config memberConfig
	procs  []*process

	mu      sync.Mutex
	changed chan struct{} // closed and made anew
	owners  map[string]string
	tenures map[string]map[string]*held // shard → member
	limit   time.Duration               // after which nobody may send; 0: none
	sent    map[string]map[uint64]int   // times
	removed map[string]map[uint64]bool
	commits map[string]uint64
	mute    bool // nothing is acknowledged
	faults  []string
	repeats int
	events  int
}

type process struct {
	name        string
	silent      bool
	cmd         *exec.Cmd
	in          io.WriteCloser
	running     bool
	coordinator bool
	leader      bool
	ended       chan struct{}
}

// newTrio starts three members, and waits until all shards are owned.
func newTrio(t *testing.T, net string, change func(*memberConfig)) *trio {
	t.Helper()
	if testing.Short() {
		t.Skip("three processes")
	}
	c := memberConfig{Lease: 3 * time.Second, Interval: time.Second, Active: 64}
	for i := range 3 {
		c.Members = append(c.Members, fmt.Sprintf("127.0.%s%d", net, i+1))
	}
	c.Engine, c.Peers = freePort(t, c.Members), freePort(t, c.Members)
	c.Dir = t.TempDir()
	if change != nil {
		change(&c)
	}
	m := &trio{t: t, config: c, changed: make(chan struct{}), owners: map[string]string{}, tenures: map[string]map[string]*held{}, sent: map[string]map[uint64]int{}, removed: map[string]map[uint64]bool{}, commits: map[string]uint64{}}
	for i := range 3 {
		m.procs = append(m.procs, &process{name: c.Members[i]})
		m.start(i)
	}
	t.Cleanup(m.end)
	m.await("all shards are owned", m.whole)
	return m
}

// freePort returns a port that is free at all of the addresses.
func freePort(t *testing.T, hosts []string) int {
	t.Helper()
	for range 100 {
		first, err := net.Listen("tcp", hosts[0]+":0")
		if err != nil {
			t.Fatal(err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		free := true
		for _, h := range hosts[1:] {
			l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", h, port))
			if err != nil {
				free = false
				continue
			}
			l.Close()
		}
		first.Close()
		if free {
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func (m *trio) start(i int) {
	p := m.procs[i]
	c := m.config
	c.Member, c.Dir = p.name, filepath.Join(c.Dir, p.name)
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		m.t.Fatal(err)
	}
	text, _ := json.Marshal(c)
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), memberEnv+"="+string(text))
	log, err := os.OpenFile(filepath.Join(m.config.Dir, p.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	p.cmd.Stderr = log
	p.in, _ = p.cmd.StdinPipe()
	out, _ := p.cmd.StdoutPipe()
	if err := p.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	m.mu.Lock()
	p.running, p.ended = true, ended
	m.mu.Unlock()
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var s said
			if json.Unmarshal(lines.Bytes(), &s) == nil {
				m.note(p, s)
			}
		}
		_ = p.cmd.Wait()
		m.mu.Lock()
		p.running, p.coordinator, p.leader, p.silent = false, false, false, false
		for shard, owner := range m.owners {
			if owner == p.name {
				delete(m.owners, shard)
			}
		}
		m.signal()
		m.mu.Unlock()
		close(ended)
	}()
}

// signal expects m.mu to be held.
func (m *trio) signal() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *trio) fault(format string, a ...any) { m.faults = append(m.faults, fmt.Sprintf(format, a...)) }

// await waits until a condition holds. A minute is for machines that do other things too.
func (m *trio) await(what string, condition func() bool) time.Duration {
	m.t.Helper()
	begun := time.Now()
	timeout := time.After(time.Minute)
	for {
		m.mu.Lock()
		ok, changed := condition(), m.changed
		m.mu.Unlock()
		if ok {
			return time.Since(begun)
		}
		select {
		case <-changed:
		case <-timeout:
			m.explain()
			m.mu.Lock()
			defer m.mu.Unlock()
			m.t.Fatalf("after %v, not: %s (%d shards owned)", time.Since(begun), what, len(m.owners))
		}
	}
}

// explain has each member write its state to its log.
func (m *trio) explain() {
	for i, p := range m.procs {
		m.mu.Lock()
		running := p.running
		m.mu.Unlock()
		if running {
			m.signalTo(i, syscall.SIGUSR1)
		}
	}
}

func (m *trio) logs() {
	files, _ := filepath.Glob(filepath.Join(m.config.Dir, "*.log"))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		lines := strings.Split(string(text), "\n")
		m.t.Logf("%s:\n%s", filepath.Base(f), strings.Join(lines[max(0, len(lines)-30):], "\n"))
	}
}

// whole is the condition that each shard has an owner.
func (m *trio) whole() bool { return len(m.owners) == plan.Shards+1 }

// share is the condition that members own at least so many shards each.
func (m *trio) share(least int, members ...string) func() bool {
	return func() bool {
		n := map[string]int{}
		for _, owner := range m.owners {
			n[owner]++
		}
		return m.whole() && !slices.ContainsFunc(members, func(name string) bool { return n[name] < least })
	}
}

// progress is the condition that more events have been received.
func (m *trio) progress(more int) func() bool {
	m.mu.Lock()
	target := m.events + more
	m.mu.Unlock()
	return func() bool { return m.events >= target }
}

// ownedBy is the condition that these members own everything.
func (m *trio) ownedBy(members ...string) func() bool {
	return func() bool {
		for _, owner := range m.owners {
			if !slices.Contains(members, owner) {
				return false
			}
		}
		return m.whole()
	}
}

// ownsNone is the condition that a member owns nothing.
func (m *trio) ownsNone(name string) func() bool {
	return func() bool {
		for _, owner := range m.owners {
			if owner == name {
				return false
			}
		}
		return true
	}
}

func (m *trio) setLimit(at time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = at
}

// others returns the names of the others.
func (m *trio) others(i int) (names []string) {
	for j, p := range m.procs {
		if j != i {
			names = append(names, p.name)
		}
	}
	return names
}

// find returns the index of the process with a role.
func (m *trio) find(role func(*process) bool) int {
	found := -1
	m.await("a member has the role", func() bool {
		found = slices.IndexFunc(m.procs, func(p *process) bool { return p.running && role(p) })
		return found >= 0
	})
	return found
}

func (m *trio) signalTo(i int, s syscall.Signal) {
	m.t.Helper()
	if err := m.procs[i].cmd.Process.Signal(s); err != nil {
		m.t.Fatal(err)
	}
}

// kill ends a process at once, and waits for its end.
func (m *trio) kill(i int) {
	m.t.Helper()
	m.signalTo(i, syscall.SIGKILL)
	<-m.procs[i].ended
}

// end stops all members in order, and checks the books.
func (m *trio) end() {
	for _, p := range m.procs {
		m.mu.Lock()
		running := p.running
		m.mu.Unlock()
		if running {
			_ = p.cmd.Process.Signal(syscall.SIGCONT)
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	for _, p := range m.procs {
		select {
		case <-p.ended:
		case <-time.After(30 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.ended
			m.t.Errorf("%s does not end", p.name)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for shard, n := range m.commits {
		for i := uint64(1); i <= n; i++ {
			if m.sent[shard][i] == 0 && i < n {
				m.fault("event %d of shard %s was committed and never sent", i, shard)
			}
		}
	}
	for _, f := range m.faults[:min(len(m.faults), 10)] {
		m.t.Error(f)
	}
	m.t.Logf("%d events, %d sent again, %d faults", m.events, m.repeats, len(m.faults))
	if m.t.Failed() {
		m.logs()
	}
}
