package listen

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"trapline/internal/snmp"
	"trapline/internal/traps"
)

// BenchmarkTraps sends 50,000 traps of SNMPv2c a second for two seconds, first to a reader that only counts datagrams, then
// to the listener, in turns. It reports the processor time of each, sender included, their ratio, and the share of the
// traps that the listener counted.
func BenchmarkTraps(b *testing.B) {
	const perSecond, seconds = 50_000, 2
	var plain, whole time.Duration
	var counted uint64
	for b.Loop() {
		plain += plainReader(b, perSecond, seconds)
		took, n := wholeListener(b, perSecond, seconds)
		whole, counted = whole+took, counted+n
	}
	sent := float64(b.N) * perSecond * seconds
	b.ReportMetric(float64(plain.Nanoseconds())/sent, "plain-ns/trap")
	b.ReportMetric(float64(whole.Nanoseconds())/sent, "listen-ns/trap")
	b.ReportMetric(float64(whole)/float64(plain), "ratio")
	b.ReportMetric(100*float64(counted)/sent, "%counted")
	b.ReportMetric(0, "ns/op")
}

// cpu returns the processor time of the process.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// send sends traps at a rate, which all differ.
func send(b *testing.B, to string, perSecond, seconds int) {
	b.Helper()
	conn, err := net.Dial("udp4", to)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	v := func(column string, value byte) snmp.VarBind {
		return snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.2.2.1." + column + ".3"), Type: snmp.Integer, Value: []byte{value}}
	}
	var list [][]byte
	for i := range 1000 {
		list = append(list, message(snmp.TrapV2, int32(i), uint32(i), v("1", 3), v("7", 1), v("8", 2)))
	}
	start := time.Now()
	for i := range perSecond * seconds {
		one := list[i%len(list)]
		one[len(one)-1] = byte(i / len(list)) // the last value
		_, _ = conn.Write(one)
		if due := time.Duration(i) * time.Second / time.Duration(perSecond); i%50 == 0 && time.Since(start) < due {
			time.Sleep(due - time.Since(start))
		}
	}
}

func plainReader(b *testing.B, perSecond, seconds int) time.Duration {
	s, err := openSocket("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	go s.read(func(*socket, netip.AddrPort, []byte, time.Time) { n.Add(1) })
	before := cpu()
	send(b, s.conn.LocalAddr().String(), perSecond, seconds)
	took := cpu() - before
	_ = s.conn.Close()
	return took
}

func wholeListener(b *testing.B, perSecond, seconds int) (took time.Duration, counted uint64) {
	l, _ := newListener(b, &Configuration{
		Settings: Settings{Rate: 1e6, Allow: []string{"127.0.0.1"}}, Targets: []traps.Target{{Name: "core-1", Address: "127.0.0.1"}},
	})
	s, err := openSocket("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	l.sockets["bench"] = s
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	before := cpu()
	send(b, s.conn.LocalAddr().String(), perSecond, seconds)
	took = cpu() - before
	for last := uint64(0); ; last = counted { // until nothing more comes
		time.Sleep(50 * time.Millisecond)
		if counted = l.counts.sum(); counted == last {
			break
		}
	}
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	return took, counted
}
