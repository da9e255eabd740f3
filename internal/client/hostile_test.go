package client_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"net/netip"

	"trapline/collector"
	"trapline/internal/access"
	simulator "trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/poller"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

const (
	hostileCopies   = 5 // of each kind over each transport: 200 agents; in a short run one: 40
	hostileHealthy  = 20
	hostileInterval = 5 * time.Second
	mostRSS         = 300 << 20
	maxHeld         = 8 << 20
)

// hostileWays are how agents are talked to: the version, the transport and the engine.
var hostileWays = []struct {
	name    string
	version snmp.Version
	network string
	engine  string
}{
	{"udp", snmp.V2c, "udp", ""},
	{"tcp", snmp.V2c, "tcp", ""},
	{"v3", snmp.V3, "udp", ""},
	{"gosnmp", snmp.V2c, "udp", access.Gosnmp},
}

// TestServeHostileAgents is the process of the agents: it prints their addresses, and serves until its
// input ends.
func TestServeHostileAgents(t *testing.T) {
	copies, err := strconv.Atoi(os.Getenv("TRAPLINE_SERVE_HOSTILE"))
	if err != nil {
		t.Skip("TestHostileAgents runs it")
	}
	n := 0
	for _, way := range hostileWays {
		for _, kind := range hostileKinds {
			if only := os.Getenv("TRAPLINE_HOSTILE_KIND"); only != "" && only != kind {
				continue
			}
			for range copies {
				n++
				h := newHostileAgent(kind, way.version, uint64(n))
				host := net.IPv4(127, 0, 46, byte(n))
				fmt.Printf("agent %s-%s-%d %s %s\n", way.name, kind, n, way.name, listenHostile(t, h, way.network, host))
			}
		}
	}
	var devices []simulator.Device
	for i := range hostileHealthy {
		devices = append(devices, simulator.Switch48(i).Still().Serve(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 46, byte(220 + i)}), 0)))
	}
	server, err := simulator.Listen(devices...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range devices {
		fmt.Printf("agent healthy-%d udp %s\n", i, server.Addr(i))
	}
	fmt.Println("ready")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	if err := server.Run(ctx); err != nil {
		t.Error(err)
	}
}

func listenHostile(t *testing.T, h *hostileAgent, network string, host net.IP) string {
	t.Helper()
	if network == "tcp" {
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: host})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go h.serveTCP(l)
		return "tcp://" + l.Addr().String()
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: host})
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: host})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); other.Close() })
	go h.serveUDP(conn, other)
	return conn.LocalAddr().String()
}

// hostileTargets starts the process of the agents and returns them as targets.
func hostileTargets(t *testing.T, copies int) (list []*poller.Target) {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestServeHostileAgents$")
	command.Env = append(os.Environ(), fmt.Sprintf("TRAPLINE_SERVE_HOSTILE=%d", copies))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	modules := []*collector.Module{
		collector.Compile("system", compiledModules("../../snmp.yml")["system"]),
		collector.Compile("if_mib", compiledModules("../../snmp.yml")["if_mib"]),
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 1 && fields[0] == "ready" {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return list
		}
		if len(fields) == 4 && fields[0] == "agent" {
			list = append(list, hostileTarget(fields[1], fields[2], fields[3], modules))
		}
	}
	t.Fatal("the agents did not start")
	return nil
}

func hostileTarget(name, way, address string, modules []*collector.Module) *poller.Target {
	retries := 2
	x := &poller.Target{
		Name: name, Modules: modules, Interval: hostileInterval, Spec: client.Spec{Address: address},
		Params: client.Params{Retries: &retries, Timeout: setting.Duration{Duration: time.Second}},
	}
	for _, w := range hostileWays {
		if w.name == way {
			x.Spec.Engine = w.engine
			x.Spec.Auth = (&lawAgent{version: w.version}).auth(2)
		}
	}
	return x
}

// Hostile agents of all kinds at once: forty for ten seconds or, with the bounds of a long run, two
// hundred for TRAPLINE_HOSTILE. The process lives, keeps within its memory, and well-behaved targets among them miss
// nothing. It is a process that does nothing else.
func TestHostileAgents(t *testing.T) {
	if tested != "" {
		t.Skip("the targets say themselves which engine they want")
	}
	const alone = "TRAPLINE_HOSTILE_ALONE"
	if os.Getenv(alone) == "" {
		command := exec.Command(os.Args[0], "-test.run=^TestHostileAgents$", "-test.v")
		command.Env = append(os.Environ(), alone+"=1")
		output, err := command.CombinedOutput()
		t.Logf("%s", output)
		if err != nil {
			t.Error(err)
		}
		return
	}
	pollHostileAgents(t)
}

func pollHostileAgents(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv("TRAPLINE_HOSTILE"))
	long, copies := err == nil, hostileCopies
	if !long {
		lasts, copies = 10*time.Second, 1
	}
	targets := hostileTargets(t, copies)
	for _, x := range targets {
		x.Params.MaxBytes = 256 << 10 // so that columns without an end take no longer than a short run
	}
	debug.SetGCPercent(50) // as `trapline serve` does
	e := client.New(client.Options{MaxTotalBytes: maxHeld})
	defer e.Close()
	w := &hostileWatch{t: t, long: long, passes: map[string]int{}, samples: healthySamples(t, targets)}
	p := poller.New(poller.Options{
		Logger:      slog.New(slog.DiscardHandler),
		PassOptions: poller.PassOptions{Open: func(s client.Spec) (collector.Session, error) { return e.Target(s) }},
		Ended:       w.ended,
	})
	p.SetTargets(targets)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var polling sync.WaitGroup
	polling.Go(func() { _ = p.Run(ctx) })
	memory := w.watch(lasts)
	cancel()
	polling.Wait()
	w.judge(lasts)
	if memory > 3*mostRSS || (long && memory > mostRSS) {
		t.Errorf("%d MB of memory", memory>>20)
	}
	t.Logf("%d passes, no more than %d MB of memory", w.all, memory>>20)
}

// watch waits for the end of the run, and returns the most memory that the process had meanwhile. A short
// run, which shares the machine with other tests, goes on until there was a pass over each healthy target.
func (w *hostileWatch) watch(lasts time.Duration) (memory int) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for start := time.Now(); ; <-tick.C {
		if memory = max(memory, residentMemory(w.t)); memory > 3*mostRSS {
			return memory // before the machine has none left
		}
		spent := time.Since(start)
		if spent > lasts && (w.long || w.polled() == hostileHealthy || spent > 3*time.Minute) {
			return memory
		}
	}
}

// polled is over how many healthy targets there was a complete pass.
func (w *hostileWatch) polled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.passes)
}

// healthySamples are how many samples a pass over each healthy target has to bring.
func healthySamples(t *testing.T, targets []*poller.Target) map[string]int {
	t.Helper()
	samples := map[string]int{}
	for i, x := range targets[len(targets)-hostileHealthy:] {
		s := &strictWalk{agent: &lawAgent{objects: lawObjects(simulator.Switch48(i).Still())}}
		o := poller.PassOptions{Open: func(client.Spec) (collector.Session, error) { return s, nil }}
		_, samples[x.Name] = digest(o.Run(t.Context(), x, false).Sets)
	}
	return samples
}

// hostileWatch sees to it that the passes over healthy targets are complete: all of them, or in a short
// run, which shares the machine with other tests, one over each.
type hostileWatch struct {
	t    *testing.T
	long bool

	mu      sync.Mutex
	all     int
	passes  map[string]int // complete ones over healthy targets
	samples map[string]int
}

func (w *hostileWatch) ended(r poller.Report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all++
	name := r.Target.Name
	if !strings.HasPrefix(name, "healthy") {
		return
	}
	if _, samples := digest(r.Last.Sets); r.Last.Err == nil && samples == w.samples[name] {
		w.passes[name]++
	} else if !w.long {
		w.t.Logf("%s: %d samples of %d, %v", name, samples, w.samples[name], r.Last.Err)
	} else {
		w.t.Errorf("%s: %d samples instead of %d, %v", name, samples, w.samples[name], r.Last.Err)
	}
}

func (w *hostileWatch) judge(lasts time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	want := 1
	if w.long {
		want = int(lasts/hostileInterval) - 1
	}
	if len(w.passes) < hostileHealthy {
		w.t.Errorf("%d healthy targets of %d were polled", len(w.passes), hostileHealthy)
	}
	for name, n := range w.passes {
		if n < want {
			w.t.Errorf("%s: %d passes in %s", name, n, lasts)
		}
	}
}

// residentMemory returns the resident memory of the process in octets.
func residentMemory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc")
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	fields := strings.Fields(rest)
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
