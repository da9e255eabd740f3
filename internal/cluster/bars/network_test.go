package bars

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The environment variables by which the test starts itself again: inside its namespaces, and as a process that keeps the
// processors busy.
const (
	insideEnv = "TRAPLINE_BARS_INSIDE"
	busyEnv   = "TRAPLINE_BARS_BUSY"
)

var programDir string // where the program is built

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(busyEnv) != "":
		for range runtime.NumCPU() {
			go func() {
				for sum := [sha256.Size]byte{}; ; sum = sha256.Sum256(sum[:]) {
				}
			}()
		}
		select {}
	case os.Getenv("TRAPLINE_SOAK") != "" && os.Geteuid() == 0 && os.Getenv(insideEnv) == "":
		os.Exit(inside())
	}
	os.Exit(func() int {
		var err error
		if programDir, err = os.MkdirTemp("", "bars"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(programDir)
		return m.Run()
	}())
}

// inside runs this test in namespaces of its own for the network, for mounts and for processes: all that it starts ends with it.
func inside() int {
	runtime.LockOSThread() // the death signal is that of the thread
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Env = append(os.Environ(), insideEnv+"=1")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	err := c.Run()
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		return ended.ExitCode()
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// The network: the test, with the devices and the receivers, at hub; members, each in a namespace of its own, at the addresses
// before; a bridge between them; and the devices behind the hub.
var (
	hub       = netip.MustParseAddr("10.77.0.254")
	firstHost = netip.MustParseAddr("10.78.0.1") // of devices
)

const memberCount = 3

// hostOf returns the address of the i-th member.
func hostOf(i int) string { return fmt.Sprintf("10.77.0.%d", i+1) }

func spaceOf(i int) string { return fmt.Sprintf("member%d", i+1) }

// deviceAt returns the address of the i-th device.
func deviceAt(i int) netip.Addr {
	b := firstHost.As4()
	n := i + int(b[3])
	b[2], b[3] = byte(n>>8), byte(n)
	return netip.AddrFrom4(b)
}

// layNetwork makes the namespaces of the members.
func layNetwork(t *testing.T) {
	t.Helper()
	if os.Getenv(insideEnv) == "" {
		t.Skip("needs root, namespaces of the network and time: make cluster-test")
	}
	for _, program := range []string{"ip", "nft", "nsenter", "strace"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("this test needs %s: apt-get install iproute2 nftables strace", program)
		}
	}
	if _, err := os.Stat("/run/netns/" + spaceOf(0)); err == nil {
		return // an earlier test has made them
	}
	mount := func(source, target, kind string, flags uintptr) {
		t.Helper()
		if err := syscall.Mount(source, target, kind, flags, ""); err != nil {
			t.Fatalf("mount %s: %v", target, err)
		}
	}
	mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE)
	mount("proc", "/proc", "proc", 0)
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		t.Fatal(err)
	}
	mount("netns", "/run/netns", "tmpfs", 0)
	run(t, "ip", "link", "set", "lo", "up")
	run(t, "ip", "link", "add", "bridge", "address", "02:00:00:00:00:fe", "type", "bridge") // else it changes as links come and go
	run(t, "ip", "address", "add", hub.String()+"/16", "dev", "bridge")
	run(t, "ip", "link", "set", "bridge", "up")
	run(t, "ip", "route", "add", "local", "10.78.0.0/16", "dev", "lo")
	for i := range memberCount {
		space, link := spaceOf(i), fmt.Sprintf("link%d", i+1)
		run(t, "ip", "netns", "add", space)
		run(t, "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
		run(t, "ip", "link", "set", link, "master", "bridge", "up")
		within(t, i, "ip", "link", "set", "lo", "up")
		within(t, i, "ip", "address", "add", hostOf(i)+"/16", "dev", "eth0")
		within(t, i, "ip", "link", "set", "eth0", "up")
		within(t, i, "ip", "route", "add", "10.78.0.0/16", "via", hub.String())
		within(t, i, "nft", "add table ip cut; add chain ip cut in { type filter hook input priority 0; policy accept; }")
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// command is a command in the namespace of a member.
func command(i int, name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=/run/netns/" + spaceOf(i), name}, args...)...)
}

func within(t *testing.T, i int, name string, args ...string) {
	t.Helper()
	if out, err := command(i, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("member %d: %s %s: %v\n%s", i+1, name, strings.Join(args, " "), err, out)
	}
}

// deaf has a member not receive whatever these others send.
func deaf(t *testing.T, i int, others ...int) {
	t.Helper()
	for _, o := range others {
		within(t, i, "nft", fmt.Sprintf("add rule ip cut in ip saddr %s drop", hostOf(o)))
	}
}

// blackhole has a member send nothing to these others.
func blackhole(t *testing.T, i int, others ...int) {
	t.Helper()
	for _, o := range others {
		within(t, i, "ip", "route", "replace", "blackhole", hostOf(o)+"/32")
	}
}

// join ends all that.
func join(t *testing.T) {
	t.Helper()
	for i := range memberCount {
		within(t, i, "nft", "flush chain ip cut in")
		for o := range memberCount {
			_ = command(i, "ip", "route", "del", "blackhole", hostOf(o)+"/32").Run() // there may be none
		}
	}
}

// othersOf returns the members but one.
func othersOf(i int) []int {
	return slices.DeleteFunc([]int{0, 1, 2}, func(o int) bool { return o == i })
}
