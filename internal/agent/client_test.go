package agent

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"trapline/internal/snmp"
)

// record parses a recording.
func record(tb testing.TB, lines ...string) *Recording {
	tb.Helper()
	r, err := ReadRecording(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// well returns a device without faults that serves rec to every community.
func well(rec *Recording) *device {
	return &device{communities: map[string]*Recording{"": rec}, maxSize: DefaultMaxSize}
}

// local returns a loopback address with port 0.
func local(host byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, host}), 0)
}

// start runs a server until the test ends.
func start(tb testing.TB, devices ...Device) *Server {
	tb.Helper()
	s, err := Listen(devices...)
	if err != nil {
		tb.Fatal(err)
	}
	run(tb, s)
	return s
}

func run(tb testing.TB, s *Server) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
}

// client sends requests to one device.
type client struct {
	testing.TB
	*net.UDPConn
}

func dial(tb testing.TB, to netip.AddrPort) client {
	tb.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	return client{tb, conn}
}

func (c client) send(request []byte) {
	c.Helper()
	if _, err := c.Write(request); err != nil {
		c.Fatal(err)
	}
}

// next returns the next response received.
func (c client) next() snmp.Message {
	c.Helper()
	buf := make([]byte, 1<<16)
	n, err := c.Read(buf)
	if err != nil {
		c.Fatal(err)
	}
	m, err := snmp.ParseMessage(buf[:n])
	if err != nil {
		c.Fatal(err)
	}
	return m
}

// request encodes a message written as a command: version, community, PDU, the two numbers of a
// GETBULK, names.
//
//	2c public bulk 1 10 1.3.6.1.2.1.1.3 1.3.6.1.2.1.2.2.1.2
func request(tb testing.TB, id int32, command string) []byte {
	tb.Helper()
	words := strings.Fields(command)
	m := snmp.Message{Version: snmp.V2c, Community: []byte(words[1]), RequestID: id}
	if words[0] == "1" {
		m.Version = snmp.V1
	}
	m.PDU = map[string]snmp.PDUType{
		"get": snmp.GetRequest, "next": snmp.GetNextRequest, "bulk": snmp.GetBulkRequest, "set": snmp.SetRequest,
		"response": snmp.Response, "trap": snmp.TrapV2,
	}[words[2]]
	words = words[3:]
	if m.PDU == snmp.GetBulkRequest {
		if _, err := fmt.Sscan(words[0]+" "+words[1], (*int32)(&m.ErrorStatus), &m.ErrorIndex); err != nil {
			tb.Fatal(err)
		}
		words = words[2:]
	}
	for _, w := range words {
		m.VarBinds = snmp.AppendVarBind(m.VarBinds, snmp.VarBind{Name: snmp.MustParseOID(w), Type: snmp.Null})
	}
	return snmp.AppendMessage(nil, &m)
}

// show formats a response as one line: the error, if any, and the bindings.
func show(tb testing.TB, m snmp.Message) string {
	tb.Helper()
	var b strings.Builder
	if m.ErrorStatus != snmp.NoError {
		fmt.Fprintf(&b, "%s at %d: ", m.ErrorStatus, m.ErrorIndex)
	}
	for list := m.VarBinds; len(list) > 0; {
		v, rest, err := snmp.CutVarBind(list)
		if err != nil {
			tb.Fatal(err)
		}
		list = rest
		fmt.Fprintf(&b, "%s=%s", v.Name, showValue(v))
		if len(list) > 0 {
			b.WriteString(" ")
		}
	}
	return strings.TrimSuffix(b.String(), ": ")
}

func showValue(v snmp.VarBind) string {
	if !v.Type.HasValue() {
		return v.Type.String()
	}
	return string(plainText(v))
}
