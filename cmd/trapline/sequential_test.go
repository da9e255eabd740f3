package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/internal/snmp"
)

// turns are the requests that several devices got, in their order, and the errors in it.
type turns struct {
	mu     sync.Mutex
	order  []int
	open   map[int]bool // devices that have a request and have not answered it
	faults []string
}

// request notes a request, which no other device may have one beside unless it is one that never answers.
func (l *turns) request(device int, answers bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for other := range l.open {
		if other != device {
			l.faults = append(l.faults, fmt.Sprintf("device %d is asked while %d has not answered", device, other))
		}
	}
	if answers {
		l.open[device] = true
	}
	l.order = append(l.order, device)
}

func (l *turns) answered(device int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, device)
}

// startTurned runs a device that answers whatever it is asked for after a while, or never.
func startTurned(t *testing.T, l *turns, device int, answers bool) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.66.%d:0", device+1))
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { conn.Close(); serving.Wait() })
	serving.Go(func() {
		buffer := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			l.request(device, answers)
			m, err := snmp.ParseMessage(buffer[:n])
			if err != nil || !answers {
				continue
			}
			time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond) // a device takes its time
			asked := m.VarBinds
			m.PDU, m.ErrorStatus, m.ErrorIndex, m.VarBinds = snmp.Response, 0, 0, nil
			for len(asked) > 0 {
				v, rest, err := snmp.CutVarBind(asked)
				if err != nil {
					break
				}
				m.VarBinds = snmp.AppendVarBind(m.VarBinds, snmp.VarBind{Name: v.Name, Type: snmp.TimeTicks, Value: []byte{1}})
				asked = rest
			}
			answer := snmp.AppendMessage(nil, &m)
			l.answered(device)
			_, _ = conn.WriteTo(answer, from)
		}
	})
	return conn.LocalAddr().String()
}

// With a concurrency of 1 no two sessions are under way: not those of the schedule, of devices that are dead, nor those
// that a scrape of /snmp or an action asks for meanwhile. All requests of a session to a dead device come in a row.
func TestLawConcurrencyOfOne(t *testing.T) {
	t.Parallel()
	l := &turns{open: map[int]bool{}}
	config := small + "global: {concurrency: 1, interval: 1s}\ntargets:\n"
	const devices, retries = 8, 2
	dead := func(device int) bool { return device%4 == 3 }
	for i := range devices {
		patience := time.Minute // else the machine may be too slow
		if dead(i) {
			patience = 20 * time.Millisecond
		}
		config += fmt.Sprintf("- {name: t%d, address: %q, modules: [uptime], timeout: %v, retries: %d}\n", i, startTurned(t, l, i, !dead(i)), patience, retries)
	}
	base := startServer(t, config)
	var scrapes sync.WaitGroup
	for range 3 {
		scrapes.Go(func() {
			for range 10 {
				if response, err := http.Get(base + fmt.Sprintf("/snmp?module=uptime&target=t%d", rand.IntN(devices))); err == nil {
					response.Body.Close()
				}
			}
		})
	}
	scrapes.Wait()
	for i := range devices {
		awaitMatch(t, base+"/metrics", fmt.Sprintf(`trapline_target_passes_total\{target="t%d"\} ([3-9]|\d\d)`, i))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.faults) > 0 {
		t.Errorf("%d of %d requests overlap:\n%s", len(l.faults), len(l.order), strings.Join(l.faults[:min(len(l.faults), 10)], "\n"))
	}
	for start := 0; start < len(l.order); {
		end := start + 1
		for end < len(l.order) && l.order[end] == l.order[start] {
			end++
		}
		if device := l.order[start]; dead(device) && end < len(l.order) && end-start < retries+1 {
			t.Errorf("requests %d to %d: the session with device %d is interrupted after %d of %d attempts: %v", start, end, device, end-start, retries+1, l.order[max(0, start-5):min(end+5, len(l.order))])
		}
		start = end
	}
	t.Logf("%d requests", len(l.order))
	if slices.Max(l.order) != devices-1 {
		t.Errorf("not all devices were asked: %v", l.order)
	}
}
