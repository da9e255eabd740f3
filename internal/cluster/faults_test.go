package cluster

import (
	"os"
	"syscall"
	"testing"
	"time"
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

// long changes the timing to what the bars are meant for.
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

// A member is killed: all shards are owned again, no event is lost, and what is sent again was under way (bar 2).
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
	if m.repeats > 0 {
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
	m.setLimit(sinceBoot() + m.config.Lease)
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
