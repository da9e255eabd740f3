package collector

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"trapline/internal/snmp"
)

// Numbers of any length: a valid one is the sample, with the same digits in a label, and an invalid one is
// left out and counted.
func TestNumbersOfAnyLength(t *testing.T) {
	m := compile(t, `
walk: [1.3.9]
metrics:
- {name: value, oid: 1.3.9.1, type: gauge, help: h, indexes: [{labelname: i, type: gauge}], lookups: [{labels: [i], labelname: text, oid: 1.3.9.1, type: gauge}]}
- {name: state, oid: 1.3.9.2, type: EnumAsInfo, help: h, enum_values: {1: up}}
- {name: states, oid: 1.3.9.3, type: EnumAsStateSet, help: h, enum_values: {1: up}}`)
	for _, kind := range []snmp.Type{snmp.Integer, snmp.Counter32, snmp.Gauge32, snmp.TimeTicks, snmp.Counter64, snmp.Uinteger32} {
		for length := range 12 {
			value := make([]byte, length)
			for i := range value {
				value[i] = byte(i + 1)
			}
			if length == 9 {
				value[0] = 0
			}
			d := device{
				{Name: snmp.MustParseOID("1.3.9.1.7"), Type: kind, Value: value},
				{Name: snmp.MustParseOID("1.3.9.2.0"), Type: kind, Value: value},
				{Name: snmp.MustParseOID("1.3.9.3.0"), Type: kind, Value: value},
			}
			r := m.Collect(context.Background(), d, Options{})
			got := samples(t, r.Set)
			number, err := d[0].Int()
			if err != nil {
				if got != "" || r.Unconverted != 3 || r.Err != nil || r.Problems != nil {
					t.Errorf("%s of %d octets: %d left out, %v, samples:\n%s", kind, length, r.Unconverted, r.Err, got)
				}
				continue
			}
			if want := fmt.Sprintf(`value{i="7",text="%d"} `, number); !strings.Contains(got, want) || r.Unconverted != 0 {
				t.Errorf("%s of %d octets: %d left out, want %s, samples:\n%s", kind, length, r.Unconverted, want, got)
			}
			if v, err := new(conversion).number(d[0]); v != float64(number) || err != nil {
				t.Errorf("%s of %d octets: %v, %v, want %d", kind, length, v, err, number)
			}
		}
	}
}
