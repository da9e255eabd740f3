package agent

import (
	"net"
	"net/netip"
	"testing"
)

var bulkCases = []struct{ name, command string }{
	{"static", "2c public bulk 0 60 1.3.6.1.2.1.2.2.1.8.500"},
	{"counter", "2c public bulk 0 60 1.3.6.1.2.1.31.1.1.1.6.500"},
	{"columns", "2c public bulk 0 6 1.3.6.1.2.1.2.2.1.2.500 1.3.6.1.2.1.2.2.1.5.500 1.3.6.1.2.1.2.2.1.8.500 " +
		"1.3.6.1.2.1.2.2.1.10.500 1.3.6.1.2.1.31.1.1.1.1.500 1.3.6.1.2.1.31.1.1.1.6.500 1.3.6.1.2.1.31.1.1.1.18.500"},
	{"one", "2c public bulk 0 1 1.3.6.1.2.1.2.2.1.8.500"},
}

func BenchmarkGetBulk(b *testing.B) {
	d := well(Chassis1000(1))
	for _, c := range bulkCases {
		b.Run(c.name, func(b *testing.B) {
			var r responder
			asked := request(b, 1, c.command)
			bindings := 0
			b.ReportAllocs()
			for b.Loop() {
				if r.respond(d, asked, 12345.678) == nil {
					b.Fatal("no answer")
				}
				bindings += r.count
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(bindings), "ns/varbind")
		})
	}
}

// BenchmarkExchange measures a request and its response over the loopback interface, including the
// client: for a device with its own socket, and for one of a thousand on a shared socket.
func BenchmarkExchange(b *testing.B) {
	rec := Chassis1000(1)
	for name, devices := range map[string]int{"own": 1, "shared": 1000} {
		b.Run(name, func(b *testing.B) {
			var all []Device
			for i := range devices {
				all = append(all, rec.Serve(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}), 0)))
			}
			s := start(b, all...)
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			asked := request(b, 1, bulkCases[0].command)
			buf := make([]byte, 2048)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				if _, err := conn.WriteToUDPAddrPort(asked, s.Addr(i%devices)); err != nil {
					b.Fatal(err)
				}
				if _, _, err := conn.ReadFromUDPAddrPort(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
