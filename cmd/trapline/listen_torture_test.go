package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/originator"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// informant sends informs about different rows until each is acknowledged.
type informant struct {
	conn  net.Conn
	acked map[int32]bool // by request-id, which is the row
}

// ask sends the informs that are not acknowledged yet, and reads acknowledgements for a while, of so many at most.
func (s *informant) ask(t testing.TB, rows, most int) (got int) {
	t.Helper()
	sent := 0
	for row := int32(1); row <= int32(rows) && sent < 4000; row++ {
		if s.acked[row] {
			continue
		}
		sent++
		n := originator.Notification{Trap: snmp.MustParseOID("1.3.6.1.6.3.1.1.5.3"), Uptime: uint32(row), VarBinds: []snmp.VarBind{
			{Name: snmp.MustParseOID(fmt.Sprintf("1.3.6.1.2.1.2.2.1.1.%d", row)), Type: snmp.Integer, Value: snmp.AppendInt(nil, int64(row))},
		}}
		m := snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.InformRequest, RequestID: row, VarBinds: n.EncodeVarBinds()}
		_, _ = s.conn.Write(snmp.AppendMessage(nil, &m)) // while there is no process it is refused
	}
	b := make([]byte, 2000)
	for got < min(sent, most) {
		if err := s.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := s.conn.Read(b)
		if err != nil {
			return got
		}
		m, err := snmp.ParseMessage(b[:n])
		if err != nil || m.PDU != snmp.Response {
			t.Fatalf("%+v, %v", m, err)
		}
		s.acked[m.RequestID] = true
		got++
	}
	return got
}

// The process is killed again and again while informs come: each that was acknowledged has raised its alarm, and each
// alarm is raised once.
func TestNoAcknowledgedInformIsLostToKills(t *testing.T) {
	t.Parallel()
	const rows, kills = 9000, 6
	traps, _ := peers.FreeUDPAddresses(t)
	file, address := filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	text := fmt.Sprintf(`
state_dir: %s
listen: {addresses: [%q], auths: [public_v2], allow: [127.0.0.1], rate: 1e6}
trap_rules: [{alert: PortDown, on: linkDown, clear: [linkUp], labels: {severity: minor}}]
`, t.TempDir(), traps)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, base := program(t), "http://"+address
	start := func() *peers.Process {
		p := peers.Start(t, nil, binary, "--config.file="+file, "--web.listen-address="+address)
		awaitReady(t, p, base)
		return p
	}
	conn, err := net.Dial("udp4", traps)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, random := &informant{conn, map[int32]bool{}}, rand.New(rand.NewPCG(7, 8))
	check := func() {
		t.Helper()
		_, _, alarms := get(t, base+"/api/v1/alarms?limit=100000")
		for row := range s.acked {
			if n := strings.Count(alarms, fmt.Sprintf(`"ifIndex":"%d"`, row)); n != 1 {
				t.Fatalf("inform %d is acknowledged, and has %d alarms", row, n)
			}
		}
	}
	process := start()
	for range kills {
		for most := 1 + random.IntN(1500); most > 0; {
			most -= max(1, s.ask(t, rows, most))
		}
		process.Kill()
		process = start()
		check()
	}
	t.Logf("%d of %d informs are acknowledged after %d kills", len(s.acked), rows, kills)
	for len(s.acked) < rows {
		s.ask(t, rows, rows)
	}
	check()
	raised := map[string]int{}
	for _, e := range eventsOf(t, base, "kind=raised&limit=100000") {
		if raised[e.Alarm]++; raised[e.Alarm] > 1 {
			t.Errorf("alarm %s is raised %d times", e.Alarm, raised[e.Alarm])
		}
	}
	if len(raised) == 0 {
		t.Error("the journal has no alarm")
	}
}
