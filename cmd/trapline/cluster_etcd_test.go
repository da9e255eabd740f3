package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"trapline/internal/peers"
)

// etcdServer is an etcd of Debian, with users and passwords.
type etcdServer struct {
	t         *testing.T
	directory string
	address   string // its host
	command   *exec.Cmd
}

func (e *etcdServer) url() string { return "http://" + net.JoinHostPort(e.address, "2379") }

func (e *etcdServer) start() {
	e.t.Helper()
	peer := "http://" + net.JoinHostPort(e.address, "2380")
	e.command = exec.Command(peers.Require(e.t, "etcd", "etcd-server"), "--name=one", "--data-dir="+e.directory, "--initial-cluster=one="+peer, "--initial-advertise-peer-urls="+peer, "--listen-peer-urls="+peer,
		"--listen-client-urls="+e.url(), "--advertise-client-urls="+e.url())
	if err := e.command.Start(); err != nil {
		e.t.Fatal(err)
	}
}

func (e *etcdServer) stop() {
	_ = e.command.Process.Signal(syscall.SIGTERM)
	_ = e.command.Wait()
}

// control runs etcdctl, and returns its output.
func (e *etcdServer) control(arguments string) (string, error) {
	c := exec.Command(peers.Require(e.t, "etcdctl", "etcd-client"), append([]string{"--endpoints=" + e.url()}, strings.Fields(arguments)...)...)
	c.Env = append(os.Environ(), "ETCDCTL_API=3")
	text, err := c.CombinedOutput()
	return string(text), err
}

// Somebody's own etcd, which wants a password and lets us have the keys of our cluster alone, does the same as the embedded one,
// and is not compacted by us.
func TestClusterOnAnEtcd(t *testing.T) {
	if os.Getenv("TRAPLINE_SOAK") == "" {
		t.Skip("minutes: make cluster-test")
	}
	const network, devices = "71", 12
	e := &etcdServer{t: t, directory: t.TempDir(), address: "127.0." + network + ".9"}
	e.start()
	t.Cleanup(func() { e.stop() })
	for ready := time.Now().Add(time.Minute); ; {
		if _, err := e.control("endpoint health"); err == nil {
			break
		}
		if time.Now().After(ready) {
			t.Fatal("etcd does not start")
		}
	}
	for _, arguments := range []string{
		"user add root:r", "user grant-role root root", "user add trapline:secret", "role add trapline",
		"role grant-permission trapline --prefix=true readwrite /trapline/trapline/", "user grant-role trapline trapline", "put /theirs 1", "auth enable",
	} {
		if text, err := e.control(arguments); err != nil {
			t.Fatalf("etcdctl %s: %v\n%s", arguments, err, text)
		}
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSiteWith(t, network, devices, simulated(t, network, devices), fmt.Sprintf("etcd: {endpoints: [%q], username: trapline, password_file: %q}\n  insecure: true", e.url(), password))
	began := time.Now()
	whole := func() bool { return s.polledOnce() && s.status(s.alive()[0]).Whole }
	s.await("each target is polled by one member", whole)
	killed := s.members[1]
	_ = s.stop(killed, syscall.SIGKILL)
	s.await("killed: its targets are polled by the others", s.polledOnce)
	s.start(killed)
	s.await("started again: the cluster is whole", whole)

	e.stop()
	s.await("without etcd, that is said", func() bool { return !s.status(s.members[0]).EngineUp || s.status(s.members[0]).Session <= 0 })
	_ = s.stop(killed, syscall.SIGTERM)
	s.start(killed) // it waits for etcd
	e.start()
	s.await("etcd is back: the cluster is whole", whole)

	const compactions = 90 * time.Second // an embedded engine would have been compacted twice
	s.await("time passes", func() bool { return time.Since(began) > compactions })
	if text, err := e.control("--user=root:r get /theirs --rev=2"); err != nil {
		t.Errorf("the history of others is gone: %v\n%s", err, text)
	}
}
