package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"trapline/internal/originator"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// informsOf returns rounds of informs about the same rows, of each trap in turn. The request-ids count from 1.
func informsOf(rows, rounds int, trapOIDs ...string) (list [][]byte) {
	for i := range rounds * rows {
		id, row := int32(i+1), i%rows+1
		n := originator.Notification{Trap: snmp.MustParseOID(trapOIDs[i/rows%len(trapOIDs)]), Uptime: uint32(id), VarBinds: []snmp.VarBind{
			{Name: snmp.MustParseOID(fmt.Sprintf("1.3.6.1.2.1.2.2.1.1.%d", row)), Type: snmp.Integer, Value: snmp.AppendInt(nil, int64(row))},
		}}
		list = append(list, snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.InformRequest, RequestID: id, VarBinds: n.EncodeVarBinds()}))
	}
	return list
}

// exchange sends datagrams until each is answered, at most so many at a time, and returns how many are answered in a second.
// After a second without an answer the unanswered ones are sent again.
func exchange(b *testing.B, to string, list [][]byte, outstanding int) float64 {
	b.Helper()
	conn, err := net.Dial("udp4", to)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.UDPConn).SetReadBuffer(8 << 20); err != nil {
		b.Fatal(err)
	}
	slots, answered, acked := make(chan bool, outstanding), make([]bool, len(list)+1), 0
	start := time.Now()
	go func() {
		for _, one := range list {
			slots <- true
			_, _ = conn.Write(one)
		}
	}()
	for buffer := make([]byte, 2000); acked < len(list); {
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			b.Fatal(err)
		}
		n, err := conn.Read(buffer)
		if err != nil {
			for i, one := range list {
				if !answered[i+1] {
					_, _ = conn.Write(one)
				}
			}
		} else if m, err := snmp.ParseMessage(buffer[:n]); err == nil && !answered[m.RequestID] {
			answered[m.RequestID] = true
			acked++
			<-slots
		}
	}
	return float64(len(list)) / time.Since(start).Seconds()
}

// echo answers each datagram with itself.
func echo(b *testing.B) (address string) {
	b.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.84.1:0")
	if err != nil {
		b.Fatal(err)
	}
	if err := conn.(*net.UDPConn).SetReadBuffer(8 << 20); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(buffer[:n], from)
		}
	}()
	return conn.LocalAddr().String()
}

// BenchmarkInforms sends informs, some of which are not acknowledged at a time: to an echo, as informs that no trap rule
// names, and as those of a trap rule, which raise and clear its alarms and each of which is stored before it is acknowledged.
func BenchmarkInforms(b *testing.B) {
	for _, outstanding := range []int{500, 4000} {
		b.Run(fmt.Sprintf("outstanding=%d", outstanding), func(b *testing.B) { benchmarkInforms(b, outstanding) })
	}
}

func benchmarkInforms(b *testing.B, outstanding int) {
	const rows, rounds = 9000, 5 // of 10,000 alarms
	traps, _ := peers.FreeUDPAddresses(b)
	_, base := startProcess(b, fmt.Sprintf(`
state_dir: %s
listen: {addresses: [%q], auths: [public_v2], allow: [127.0.0.1], rate: 1e6}
trap_rules: [{alert: PortDown, on: linkDown, clear: [linkUp], labels: {severity: minor}}]
`, b.TempDir(), traps))
	stored := informsOf(rows, rounds, "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4")
	counted := informsOf(rows, 2*rounds, "1.3.6.1.6.3.1.1.5.5")
	plain := exchange(b, echo(b), counted, outstanding)
	fast := exchange(b, traps, counted, outstanding)
	slow := exchange(b, traps, stored, outstanding)
	b.ReportMetric(plain, "echo/s")
	b.ReportMetric(fast, "acknowledged/s")
	b.ReportMetric(plain/fast, "ratio")
	b.ReportMetric(slow, "stored/s")
	b.ReportMetric(plain/slow, "stored-ratio")
	b.ReportMetric(0, "ns/op")
	if _, _, alarms := get(b, base+"/api/v1/alarms?limit=100000"); strings.Count(alarms, `"ifIndex":"`) != rows {
		b.Errorf("%d alarms", strings.Count(alarms, `"ifIndex":"`))
	}
}
