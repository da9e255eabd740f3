package cluster

import (
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"trapline/internal/boottime"
	"trapline/internal/cluster/engine/enginetest"
)

// soak reports whether there is time for the long forms, which also hold the bars in seconds: a machine that does other
// things too may be later.
func soak() bool { return os.Getenv("TRAPLINE_SOAK") != "" }

// within checks a bar.
func within(t *testing.T, what string, took, bar time.Duration) {
	t.Helper()
	t.Logf("%s: %.1f s", what, took.Seconds())
	if soak() && took > bar {
		t.Errorf("%s: %v, bar %v", what, took, bar)
	}
}

// long changes the timing to that of the bars.
func long(c *memberConfig) {
	if soak() {
		c.Lease = 5 * time.Second
	}
}

func rounds() int {
	if soak() {
		return 3
	}
	return 1
}

var roles = []struct {
	name string
	is   func(*process) bool
}{
	{"leader of the engine", func(p *process) bool { return p.leader }},
	{"coordinator", func(p *process) bool { return p.coordinator }},
	{"another member", func(p *process) bool { return !p.coordinator && !p.leader }},
}

// A member is killed: all shards are owned again, no event is lost, and events that are sent again were under way (bar 2).
func TestKill(t *testing.T) {
	t.Parallel()
	m := newTrio(t, "68.1", long)
	for range rounds() {
		for _, role := range roles {
			m.await("each has its share", m.share(200, m.config.Members...))
			i := m.find(role.is)
			m.await("events arrive", m.progress(50))
			m.kill(i)
			within(t, "killed: "+role.name, m.await("all shards are owned", m.whole), 10*time.Second)
			m.start(i)
			within(t, "balanced", m.await("each has its share", m.share(200, m.config.Members...)), 15*time.Second)
		}
	}
	m.await("events arrive", m.progress(100))
}

// A member is stopped in order: its shards move, and no event is sent twice (bar 3).
func TestTerminate(t *testing.T) {
	t.Parallel()
	m := newTrio(t, "68.2", long)
	for range rounds() {
		for _, role := range roles[:2] {
			m.await("each has its share", m.share(200, m.config.Members...))
			m.await("events arrive", m.progress(50))
			i := m.find(role.is)
			m.signalTo(i, syscall.SIGTERM)
			begun := time.Now()
			m.await("its shards are released", m.ownsNone(m.procs[i].name))
			within(t, "released: "+role.name, time.Since(begun), time.Second)
			m.await("all shards are owned", m.whole)
			within(t, "owned by others", time.Since(begun), 2*time.Second)
			<-m.procs[i].ended
			within(t, "ended", time.Since(begun), 10*time.Second)
			m.start(i)
		}
	}
	m.await("events arrive", m.progress(100))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.repeats > 0 && soak() { // where all processors are busy, a confirmation takes longer than a release waits for it
		t.Errorf("%d events were sent again", m.repeats)
	}
}

// A member stands still and goes on: it sends nothing past its deadline, and has its share again (bar 4).
func TestPause(t *testing.T) {
	t.Parallel()
	m := newTrio(t, "68.3", long)
	for range rounds() {
		for _, role := range roles[:2] {
			m.await("each has its share", m.share(200, m.config.Members...))
			i := m.find(role.is)
			m.signalTo(i, syscall.SIGSTOP)
			others := m.others(i)
			m.await("others own everything", m.ownedBy(others...))
			m.await("events arrive", m.progress(100))
			m.signalTo(i, syscall.SIGCONT)
			within(t, "after a pause of the "+role.name, m.await("each has its share", m.share(200, m.config.Members...)), 30*time.Second)
		}
	}
	m.await("events arrive", m.progress(100))
}

// Two of three die: nothing is sent. One comes back: everything is owned again, and nothing is lost (bar 7).
func TestQuorum(t *testing.T) {
	t.Parallel()
	m := newTrio(t, "68.4", long)
	m.await("events arrive", m.progress(50))
	m.kill(0)
	m.kill(1)
	// A leader renews its lease until it notices the loss of its quorum, which an election takes.
	m.setLimit(boottime.Elapsed() + 2*m.config.Lease)
	m.await("the third may not send", func() bool { return m.procs[2].silent })
	if soak() {
		time.Sleep(2 * time.Minute)
	}
	m.setLimit(0)
	m.start(0)
	within(t, "all owned after the quorum is back", m.await("two own everything", m.ownedBy(m.procs[0].name, m.procs[2].name)), 15*time.Second)
	m.await("events arrive", m.progress(100))
	m.start(1)
	m.await("each has its share", m.share(200, m.config.Members...))
}

// A leader whose writes are slow hands the lead over, though etcd would keep it (bar 6). The long form slows its disk down:
// by less than the time after which the others elect, and by more.
func TestSlowLeader(t *testing.T) {
	t.Parallel()
	m := newTrio(t, "68.5", long)
	if !soak() {
		i := m.find(roles[0].is)
		m.signalTo(i, syscall.SIGUSR2)
		m.leadMoves(i)
		m.await("events arrive", m.progress(200))
		return
	}
	for _, delay := range []time.Duration{900 * time.Millisecond, 1500 * time.Millisecond} {
		time.Sleep(minLead)
		i := m.find(roles[0].is)
		attached := m.disk(i, "delay_exit="+strconv.FormatInt(delay.Microseconds(), 10))
		within(t, "the lead moves, disk slower by "+delay.String(), m.leadMoves(i), 10*time.Second)
		within(t, "200 events", m.await("events arrive", m.progress(200)), 10*time.Second)
		_ = attached.Process.Signal(syscall.SIGINT) // it detaches
		_ = attached.Wait()
	}
}

// leadMoves waits until another member leads.
func (m *trio) leadMoves(from int) time.Duration {
	m.t.Helper()
	return m.await("another member leads", func() bool {
		return !m.procs[from].leader && slices.ContainsFunc(m.procs, func(p *process) bool { return p.leader })
	})
}

// disk changes how each fdatasync of a member ends.
func (m *trio) disk(i int, inject string) *exec.Cmd {
	m.t.Helper()
	trace := exec.Command("strace", "-f", "-o", "/dev/null", "-p", strconv.Itoa(m.procs[i].cmd.Process.Pid),
		"-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:"+inject)
	if err := trace.Start(); err != nil {
		m.t.Fatalf("this test needs strace: %v", err)
	}
	return trace
}

// The disk of a voter is full: its server ends, and the member goes on with those of the others (bar 6).
func TestDiskFull(t *testing.T) {
	if !soak() {
		t.Skip("needs strace and time: make cluster-test")
	}
	for n, role := range roles[:2] {
		m := newTrio(t, "68."+strconv.Itoa(7+n), long)
		i := m.find(role.is)
		attached := m.disk(i, "error=ENOSPC")
		m.await("another member leads", func() bool {
			return !m.procs[i].leader && slices.ContainsFunc(m.procs, func(p *process) bool { return p.leader })
		})
		within(t, "500 events", m.await("events arrive", m.progress(500)), 30*time.Second)
		m.mu.Lock()
		if !m.procs[i].running {
			t.Errorf("the %s has ended", role.name)
		}
		m.mu.Unlock()
		m.await("each has its share", m.share(200, m.config.Members...))
		_ = attached.Process.Signal(syscall.SIGINT)
		_ = attached.Wait()
		m.kill(i)
	}
}

// Members with certificates of one authority talk to each other, and to nobody else.
func TestTLS(t *testing.T) {
	t.Parallel()
	m := newTrio(t, "68.6", func(c *memberConfig) {
		long(c)
		files := enginetest.NewAuthority(t, c.Members...)
		c.TLS = &TLS{CAFile: files.CAFile, CertFile: files.CertFile, KeyFile: files.KeyFile}
	})
	m.await("events arrive", m.progress(100))
	for name, config := range map[string]*tls.Config{
		"no certificate":      {InsecureSkipVerify: true},
		"another authority's": enginetest.NewAuthority(t, m.config.Members...).Client(),
	} {
		for _, port := range []int{m.config.Engine, m.config.Peers} {
			if !enginetest.Refused(net.JoinHostPort(m.config.Members[0], strconv.Itoa(port)), config) {
				t.Errorf("%s: port %d answers", name, port)
			}
		}
	}
}
