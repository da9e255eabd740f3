package snmp

import (
	"fmt"
	"testing"

	"github.com/gosnmp/gosnmp"
)

// interfaceRows returns the content of a list of n bindings in the proportions of a walk of the
// interfaces: mostly integers, 64-bit counters, names and addresses.
func interfaceRows(n int) []byte {
	columns := []struct {
		name  string
		kind  Type
		value []byte
	}{
		{"1.3.6.1.2.1.2.2.1.10", Counter32, []byte{0x12, 0x34, 0x56, 0x78}},
		{"1.3.6.1.2.1.2.2.1.8", Integer, []byte{1}},
		{"1.3.6.1.2.1.31.1.1.1.6", Counter64, []byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab}},
		{"1.3.6.1.2.1.2.2.1.14", Counter32, []byte{0}},
		{"1.3.6.1.2.1.2.2.1.2", OctetString, []byte("GigabitEthernet1/0/17")},
		{"1.3.6.1.2.1.2.2.1.3", Integer, []byte{6}},
		{"1.3.6.1.2.1.2.2.1.6", OctetString, []byte{0, 0x1b, 0x21, 0x3c, 0x9d, 0xf8}},
		{"1.3.6.1.2.1.2.2.1.5", Gauge32, []byte{0x3b, 0x9a, 0xca, 0}},
	}
	var list []byte
	for i := range n {
		c := columns[i%len(columns)]
		name := AppendArc(MustParseOID(c.name), uint32(10101+i/len(columns)))
		list = AppendVarBind(list, VarBind{Name: name, Type: c.kind, Value: c.value})
	}
	return list
}

// readAll decodes every binding in list and sums the numbers.
func readAll(list []byte) (sum uint64, err error) {
	var v VarBind
	for len(list) > 0 {
		if list, err = NextVarBind(list, &v); err != nil {
			return sum, err
		}
		switch v.Type {
		case Integer:
			i, _ := v.Int()
			sum += uint64(i)
		case OctetString:
			sum += uint64(len(v.Value))
		default:
			u, _ := v.Uint()
			sum += u
		}
	}
	return sum, nil
}

// perVarBind reports the cost of one binding as a benchmark metric.
func perVarBind(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/varbind")
}

func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{25, 50} {
		packet := AppendMessage(nil, &Message{V2c, []byte("public"), Response, 7, NoError, 0, interfaceRows(n)})
		b.Run(fmt.Sprintf("%d/trapline", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := ParseMessage(packet)
				if err != nil {
					b.Fatal(err)
				}
				if _, err = readAll(m.VarBinds); err != nil {
					b.Fatal(err)
				}
			}
			perVarBind(b, n)
		})
		b.Run(fmt.Sprintf("%d/gosnmp", n), func(b *testing.B) {
			b.ReportAllocs()
			x := gosnmp.GoSNMP{Version: gosnmp.Version2c, Community: "public"}
			for b.Loop() {
				if p, err := x.SnmpDecodePacket(packet); err != nil || len(p.Variables) != n {
					b.Fatal(err)
				}
			}
			perVarBind(b, n)
		})
	}
}
