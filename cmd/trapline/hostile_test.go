package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/programtest"
)

// anything is the reason where one octet changed: it may be in a value, and then nobody can know.
const anything = "anything"

// TestHostileAgents polls agents that do their worst beside one that is well. Each one's fault stays
// its own and is reported; the process neither ends, hangs nor grows.
func TestHostileAgents(t *testing.T) {
	hostile := []struct {
		name   string
		faults agent.Faults
		reason string // one of trapline_target_error or trapline_target_incomplete; "" for none
	}{
		{"well", agent.Faults{}, ""},
		{"twice", agent.Faults{Duplicate: 1}, ""},
		{"disorder", agent.Faults{Reorder: 0.2, Seed: 1}, ""},
		{"dead", agent.Faults{Dead: true}, "timeout"},
		{"garbage", agent.Faults{Garbage: 1}, "malformed"},
		{"truncated", agent.Faults{Truncate: 1}, "malformed"},
		{"corrupt", agent.Faults{Corrupt: 1}, anything},
		{"ids", agent.Faults{WrongID: 1}, "malformed"},
		{"lengths", agent.Faults{HugeLength: 1}, "malformed"},
		{"failing", agent.Faults{FailFrom: mustOID(t, "1.3.6.1.2.1.31.1.1.1.1.9")}, "error_status"},
		{"circle", agent.Faults{LoopAfter: mustOID(t, "1.3.6.1.2.1.2.2.1.10.9"), LoopBack: 3}, "not_increasing"},
	}
	var devices []agent.Device
	for i, h := range hostile {
		d := agent.Switch48(i).Serve(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 35, byte(i + 1)}), 0))
		d.Faults = h.faults
		devices = append(devices, d)
	}
	server := programtest.ServeDevices(t, devices)
	config := small + "global: {interval: 1s, timeout: 100ms, retries: 1}\ntargets:\n"
	for i, h := range hostile {
		config += fmt.Sprintf("- {name: %s, address: %q, modules: [if_mib, uptime]}\n", h.name, server.Addr(i))
	}
	before := heldMemory()
	base := startServer(t, config)
	for _, h := range hostile {
		awaitMatch(t, base+"/metrics", `trapline_target_passes_total\{target="`+h.name+`"\} ([3-9]|\d\d)`)
		told := regexp.MustCompile(`trapline_target_(?:error|incomplete)\{target="` + h.name + `",(?:table="[^"]*",)?reason="([^"]*)"\} 1`)
		awaitThat(t, base+"/metrics", func(text string) error { // a pass may be late on a busy machine, and time out
			var reasons []string
			for _, found := range told.FindAllStringSubmatch(text, -1) {
				reasons = append(reasons, found[1])
			}
			slices.Sort(reasons)
			if got := strings.Join(slices.Compact(reasons), " "); h.reason != anything && got != h.reason {
				return fmt.Errorf("%s: reasons %q, want %q", h.name, got, h.reason)
			}
			if n := strings.Count(text, "\nifInOctets{target=\"well\","); n < 48 {
				return fmt.Errorf("beside %s the device that is well shows %d interfaces", h.name, n)
			}
			return nil
		})
	}
	if held := heldMemory() - before; held > 100<<20 {
		t.Errorf("the heap holds %d MB more than before", held>>20)
	}
}

// heldMemory returns how many octets of the heap are in use. Other tests of the process have their part in it.
func heldMemory() int64 {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return int64(memory.HeapAlloc)
}
