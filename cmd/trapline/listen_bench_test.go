package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"trapline/internal/agent"
	"trapline/internal/originator"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// startProcess runs the program with a configuration, and returns its address when it is ready.
func startProcess(t testing.TB, text string) (p *peers.Process, base string) {
	t.Helper()
	file, address := filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	base = "http://" + address
	p = peers.Start(t, nil, program(t), "--config.file="+file, "--web.listen-address="+address)
	awaitReady(t, p, base)
	return p, base
}

// summed returns the sum and the greatest value of the series that begin so.
func summed(t testing.TB, base, series string) (sum, greatest float64) {
	_, _, text := get(t, base+"/metrics")
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, series) {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
		if err != nil {
			t.Fatal(err)
		}
		sum, greatest = sum+v, max(greatest, v)
	}
	return sum, greatest
}

// BenchmarkTrapsOfADevice sends 50,000 traps a second for ten seconds to a server that polls twenty devices each second. It
// reports the share that is counted, how late polls were at most, by how much memory grew, and how much was sent: where
// cores are few, the sender is the bottleneck.
func BenchmarkTrapsOfADevice(b *testing.B) {
	const perSecond, seconds, devices = 50_000, 10, 20
	address, _ := peers.FreeUDPAddresses(b)
	text := fmt.Sprintf("state_dir: %s\nglobal: {interval: 1s}\nlisten: {addresses: [%q], auths: [public_v2], allow: [127.0.0.0/8], rate: 1e6}\ntargets:\n", b.TempDir(), address)
	for i := range devices {
		device := fmt.Sprintf("127.0.75.%d:17510", 10+i)
		server, err := agent.Listen(agent.Switch48(i).Still().Serve(netip.MustParseAddrPort(device)))
		if err != nil {
			b.Fatal(err)
		}
		go func() { _ = server.Run(b.Context()) }()
		text += fmt.Sprintf("- {name: access-%d, address: %q, modules: [system]}\n", i, device)
	}
	_, base := startProcess(b, text)
	time.Sleep(3 * time.Second)
	conn, err := net.Dial("udp4", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	v := func(column string) snmp.VarBind {
		return snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.2.2.1." + column + ".3"), Type: snmp.Integer, Value: []byte{2}}
	}
	for b.Loop() {
		before, _ := summed(b, base, "trapline_traps_total{")
		rss, _ := summed(b, base, "process_resident_memory_bytes")
		var delay, peak float64
		ended, watched := make(chan bool), make(chan bool)
		go func() {
			defer close(watched)
			for {
				select {
				case <-ended:
					return
				case <-time.After(500 * time.Millisecond):
				}
				_, late := summed(b, base, "trapline_target_pass_delay_seconds{")
				now, _ := summed(b, base, "process_resident_memory_bytes")
				delay, peak = max(delay, late), max(peak, now)
			}
		}()
		start := time.Now()
		sent := 0
		for time.Since(start) < seconds*time.Second {
			for due := int(time.Since(start).Seconds() * perSecond); sent < min(due, perSecond*seconds); sent++ {
				n := originator.Notification{Trap: snmp.MustParseOID("1.3.6.1.6.3.1.1.5.5"), Uptime: uint32(sent), VarBinds: []snmp.VarBind{v("1"), v("7"), v("8")}}
				m := snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.TrapV2, RequestID: int32(sent), VarBinds: n.EncodeVarBinds()}
				_, _ = conn.Write(snmp.AppendMessage(nil, &m))
			}
			time.Sleep(time.Millisecond)
		}
		took := time.Since(start)
		time.Sleep(2 * time.Second)
		close(ended)
		<-watched
		after, _ := summed(b, base, "trapline_traps_total{")
		b.ReportMetric(100*(after-before)/float64(sent), "%counted")
		b.ReportMetric(float64(sent)/took.Seconds(), "sent/s")
		b.ReportMetric(1000*delay, "poll-delay-ms")
		b.ReportMetric((peak-rss)/(1<<20), "RSS+MiB")
	}
}

// BenchmarkLinkDown is the time from a linkDown to the notification that snmptrapd has acknowledged: the row is polled, and a
// rule judges it.
func BenchmarkLinkDown(b *testing.B) {
	_, flip := rePolled(b)
	var list []time.Duration
	for i := range 20 {
		time.Sleep(2100 * time.Millisecond) // polls of a target and notifications of a line have a distance
		list = append(list, flip(i%2 == 0))
	}
	slices.Sort(list)
	b.ReportMetric(float64(list[len(list)/2].Milliseconds()), "ms-median")
	b.ReportMetric(float64(list[len(list)-1].Milliseconds()), "ms-greatest")
}
