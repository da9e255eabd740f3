package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/snmp"
)

// gauges is a device with numbers that a test sets.
type gauges struct {
	net.PacketConn

	mu     sync.Mutex
	values []int64
	index  map[string]int // of the value of an object
}

var gaugeObject = snmp.MustParseOID("1.3.6.1.4.1.32473.7")

func startGauges(t *testing.T, n int) *gauges {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gauges{PacketConn: c, values: make([]int64, n), index: map[string]int{}}
	for i := range n {
		g.index[string(snmp.AppendArc(append(snmp.OID{}, gaugeObject...), uint32(i+1)))] = i
	}
	ended := make(chan struct{})
	go func() { defer close(ended); g.run() }()
	t.Cleanup(func() { c.Close(); <-ended })
	return g
}

func (g *gauges) run() {
	b := make([]byte, 65536)
	for {
		n, from, err := g.ReadFrom(b)
		if err != nil {
			return
		}
		m, err := snmp.ParseMessage(bytes.Clone(b[:n]))
		if err != nil {
			continue
		}
		m.PDU, m.VarBinds = snmp.Response, g.answer(m.VarBinds)
		_, _ = g.WriteTo(snmp.AppendMessage(nil, &m), from)
	}
}

// answer fills in the values of the requested objects.
func (g *gauges) answer(list []byte) (filled []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(list) > 0 {
		v, rest, err := snmp.CutVarBind(list)
		if err != nil {
			break
		}
		list = rest
		v.Type, v.Value = snmp.NoSuchInstance, nil
		if i, known := g.index[string(v.Name)]; known {
			v.Type, v.Value = snmp.Integer, snmp.AppendInt(nil, g.values[i])
		}
		filled = snmp.AppendVarBind(filled, v)
	}
	return filled
}

func (g *gauges) set(i int, value int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.values[i] = value
}

// Values cross a threshold and come back while the process is killed again and again: each crossing is reported,
// and nothing else is.
func TestNoThresholdIsLostToKills(t *testing.T) {
	t.Parallel()
	const alarms, rounds = 100, 6
	device, w := startGauges(t, alarms), startWitness(t)
	var gets []string
	for i := range alarms {
		gets = append(gets, fmt.Sprintf("%s.%d", gaugeObject, i+1))
	}
	text := programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: w, address: %q, timeout: 100ms, retries: 5, rate: 1000, every_transition: true}\n", w.LocalAddr()))
	text = strings.Replace(text, "modules: {", fmt.Sprintf("modules: {gauges: {get: [%s], metrics: [{name: g, oid: %s, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}, ",
		strings.Join(gets, ", "), gaugeObject), 1)
	text += fmt.Sprintf("targets: [{name: device, address: %q, modules: [gauges], interval: 1s}]\n", device.LocalAddr()) + withRules(t, `{alert: High, expr: g > 50}`)
	file, address := filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := program(t)
	start := func() *peers.Process {
		return peers.Start(t, nil, binary, "--config.file="+file, "--web.listen-address="+address)
	}
	random := rand.New(rand.NewPCG(3, 4))
	want := make([]string, alarms)
	total := 0
	process := start()
	for range rounds {
		crossed := 0
		for i := range alarms {
			if random.IntN(2) == 0 {
				continue
			}
			crossed++
			if strings.HasSuffix(want[i], "raise ") {
				want[i] += "clear "
				device.set(i, int64(random.IntN(50)))
			} else {
				want[i] += "raise "
				device.set(i, int64(51+random.IntN(50)))
			}
		}
		killed := total + random.IntN(crossed)
		total += crossed
		process.Await(t, func() bool { return w.count() >= killed })
		process.Kill()
		process = start()
		process.Await(t, func() bool { return w.count() >= total })
	}
	process.Kill()
	w.mu.Lock()
	defer w.mu.Unlock()
	got := map[string]int{}
	for _, kinds := range w.sent {
		got[strings.Join(kinds, " ")+" "]++
	}
	for _, story := range want {
		if story != "" {
			got[story]--
		}
	}
	for story, n := range got {
		if n != 0 {
			t.Errorf("%d alarms too many were sent %q", n, story)
		}
	}
	t.Logf("%d kills, %d events, %d sent again", rounds, len(w.known), w.repeated)
}
