package client_test

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	simulator "trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

const (
	costTargets  = 50
	costVarbinds = costTargets * 41 * 1000
)

// BenchmarkCPU measures the user and system CPU time of a whole walk of ifTable and ifXTable of 50
// chassis: with Trapline's engine from the second poll on, with gosnmp's BulkWalk and with
// snmpbulkwalk, both with 25 repetitions. The agents run in another process. It reports the minimum
// of all rounds, because other load on the machine only adds to it.
func BenchmarkCPU(b *testing.B) {
	addresses := startChassis(b)
	own := ownWalks(b, addresses)
	own() // the first pass learns
	var ours, theirs, tool time.Duration
	for b.Loop() {
		least(&ours, cpu(syscall.RUSAGE_SELF, own))
		least(&theirs, cpu(syscall.RUSAGE_SELF, func() { gosnmpWalks(b, addresses) }))
		least(&ours, cpu(syscall.RUSAGE_SELF, own))
		least(&tool, cpu(syscall.RUSAGE_CHILDREN, func() { toolWalks(b, addresses[:5]) })*costTargets/5)
	}
	b.ReportMetric(float64(ours.Nanoseconds())/costVarbinds, "ns/varbind")
	b.ReportMetric(float64(theirs)/float64(ours), "gosnmp/ours")
	b.ReportMetric(float64(tool)/float64(ours), "snmpbulkwalk/ours")
}

func least(so *time.Duration, d time.Duration) {
	if *so == 0 || d < *so {
		*so = d
	}
}

// BenchmarkIdleTarget is the memory that a target takes after a pass of ifTable and ifXTable over its 52
// ports, while nothing is asked of it: of the process as the system counts it, and of the heap.
func BenchmarkIdleTarget(b *testing.B) {
	const targets = 20_000
	recording := simulator.Switch48(1)
	var devices []simulator.Device
	at := netip.MustParseAddr("127.93.0.1")
	for range targets {
		devices = append(devices, recording.Serve(netip.AddrPortFrom(at, 17193)))
		at = at.Next()
	}
	server, err := simulator.Listen(devices...)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() { _ = server.Run(ctx) }()
	for b.Loop() {
		e := newEngine(b)
		rssBefore, heapBefore := resident(b), heap()
		for i := range targets {
			x, err := e.Target(client.Spec{Address: server.Addr(i).String()})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := x.Poll(ctx, &client.Plan{Columns: costColumns()}, func(snmp.VarBind) {}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(resident(b)-rssBefore)/targets, "RSS-B/target")
		b.ReportMetric(float64(heap()-heapBefore)/targets, "heap-B/target")
		runtime.KeepAlive(e)
	}
}

// resident returns the resident memory of the process after a garbage collection.
func resident(b *testing.B) int {
	b.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// cpu is the processor time that f takes.
func cpu(who int, f func()) time.Duration {
	spent := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(who, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := spent()
	f()
	return spent() - before
}

// startChassis runs `trapline simulate` and returns the addresses of its devices.
func startChassis(b *testing.B) (addresses []string) {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "trapline")
	if out, err := exec.Command("go", "build", "-tags", "gosnmp_nodebug", "-o", binary, "trapline/cmd/trapline").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	p := peers.Start(b, nil, binary, "simulate", fmt.Sprintf("--device=chassis=%d", costTargets), "--listen=127.91.0.1:17191")
	p.Await(b, func() bool { return strings.Count(p.Output(), " answers as ") == costTargets })
	lines := bufio.NewScanner(strings.NewReader(p.Output()))
	for lines.Scan() {
		address, _, _ := strings.Cut(lines.Text(), " ")
		addresses = append(addresses, address)
	}
	return addresses
}

var costRoots = []string{"1.3.6.1.2.1.2.2", "1.3.6.1.2.1.31.1.1"}

// costColumns are those of ifTable and ifXTable.
func costColumns() (columns []snmp.OID) {
	for c := range 22 {
		columns = append(columns, oid(fmt.Sprintf("1.3.6.1.2.1.2.2.1.%d", c+1)))
	}
	for c := range 19 {
		columns = append(columns, oid(fmt.Sprintf("1.3.6.1.2.1.31.1.1.1.%d", c+1)))
	}
	return columns
}

func ownWalks(b *testing.B, addresses []string) func() {
	e := newEngine(b)
	columns := costColumns()
	var targets []*client.Target
	for _, address := range addresses {
		x, err := e.Target(client.Spec{Address: address})
		if err != nil {
			b.Fatal(err)
		}
		targets = append(targets, x)
	}
	return func() {
		var group sync.WaitGroup
		for _, x := range targets {
			group.Go(func() {
				stats, err := x.Poll(b.Context(), &client.Plan{Columns: columns, Walk: columns}, func(snmp.VarBind) {})
				if err != nil || stats.VarBinds != costVarbinds/costTargets {
					b.Errorf("%d varbinds, %v", stats.VarBinds, err)
				}
			})
		}
		group.Wait()
	}
}

func gosnmpWalks(b *testing.B, addresses []string) {
	var group sync.WaitGroup
	for _, address := range addresses {
		host, _, _ := strings.Cut(address, ":")
		group.Go(func() {
			g := &gosnmp.GoSNMP{Target: host, Port: 17191, Community: "public", Version: gosnmp.Version2c, Timeout: 5 * time.Second, Retries: 3, MaxRepetitions: 25}
			if err := g.Connect(); err != nil {
				b.Error(err)
				return
			}
			defer g.Close()
			n := 0
			for _, root := range costRoots {
				if err := g.BulkWalk("."+root, func(gosnmp.SnmpPDU) error { n++; return nil }); err != nil {
					b.Error(err)
				}
			}
			if n != costVarbinds/costTargets {
				b.Errorf("gosnmp: %d varbinds", n)
			}
		})
	}
	group.Wait()
}

func toolWalks(b *testing.B, addresses []string) {
	tool := peers.Require(b, "snmpbulkwalk", "snmp")
	for _, address := range addresses {
		for _, root := range costRoots {
			c := exec.Command(tool, "-v2c", "-cpublic", "-Oq", "-Cr25", address, "."+root)
			c.Env = []string{"MIBS=", "SNMPCONFPATH=/nonexistent", "SNMP_PERSISTENT_DIR=" + b.TempDir()}
			if err := c.Run(); err != nil {
				b.Error(err)
			}
		}
	}
}
