package agent

import (
	"testing"
	"time"

	"trapline/internal/snmp"
)

func TestNumbersMove(t *testing.T) {
	for _, test := range []struct {
		name, line string
		uptime     time.Duration
		want       string
	}{
		{"counter", "1.3|65:numeric|initial=10,rate=100,wrap=1", 1500 * time.Millisecond, "160"},
		{"rate is 1 unless said", "1.3|66:numeric|initial=10", 5 * time.Second, "15"},
		{"scale and offset", "1.3|66:numeric|initial=10,rate=2,scale=3,offset=100", 5 * time.Second, "140"},
		{"Counter32 wraps", "1.3|65:numeric|initial=4294967290,rate=1,wrap=1", 10 * time.Second, "4"},
		{"Counter64 wraps", "1.3|70:numeric|initial=18446744073709551610,rate=1,wrap=1", 10 * time.Second, "4"},
		{"without wrap it stays at its end", "1.3|65:numeric|initial=4294967290,rate=1", 10 * time.Second, "4294967295"},
		{"wrap between min and max", "1.3|2:numeric|scale=5,wrap=1,min=100,max=300,initial=154", 40 * time.Second, "154"},
		{"counter that wraps early", "1.3|65:numeric|initial=0,rate=1,max=10,wrap=1", 25 * time.Second, "5"},
		{"max", "1.3|66:numeric|initial=10,max=12", 5 * time.Second, "12"},
		{"min", "1.3|66:numeric|initial=10,scale=-1,min=7", 5 * time.Second, "7"},
		{"starts at min", "1.3|66:numeric|min=7", 0, "7"},
		{"ticks", "1.3|67:numeric|initial=1,rate=100,wrap=1", 25 * time.Millisecond, "3"},
		{"sine", "1.3|66:numeric|initial=100,scale=50,rate=1.5707963267948966,function=sin", time.Second, "150"},
		{"cosine", "1.3|66:numeric|initial=100,scale=50,rate=3.141592653589793,function=cos", time.Second, "50"},
		{"below zero", "1.3|2:numeric|initial=0,min=-100,scale=-3", 5 * time.Second, "-15"},
		{"cumulative never turns back", "1.3|65:numeric|scale=10,rate=1,function=cos,cumulative=1,wrap=1", 5 * time.Second, "50"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := record(t, test.line).Object(0, test.uptime)
			if got := string(plainText(v)); got != test.want {
				t.Errorf("%s after %s: got %s, want %s", test.line, test.uptime, got, test.want)
			}
		})
	}
}

func TestGrowthNeverTurnsBack(t *testing.T) {
	g := Growth{Rate: 1e6, Swing: 1, Period: time.Minute, Phase: 2}
	var last uint64
	for s := range 10_000 {
		v := g.at(float64(s) / 10)
		if v < last {
			t.Fatalf("%d after %d", v, last)
		}
		last = v
	}
	if want := 1e6 * 999.9; float64(last) < want*0.98 || float64(last) > want*1.02 {
		t.Errorf("grew by %d, want about %.0f", last, want)
	}
}

func TestDeviationStaysInItsBounds(t *testing.T) {
	r := record(t, "1.3|66:numeric|initial=1000,rate=0,deviation=50")
	seen := map[uint64]bool{}
	for s := range 200 {
		v, err := r.Object(0, time.Duration(s)*time.Second).Uint()
		if err != nil || v < 950 || v > 1050 {
			t.Fatalf("%d, %v", v, err)
		}
		seen[v] = true
	}
	if len(seen) < 50 {
		t.Errorf("only %d values in 200 seconds", len(seen))
	}
}

func TestBuiltinDevices(t *testing.T) {
	for name, build := range Builtin {
		first, again, other := build(1), build(1), build(2)
		if first.Len() != again.Len() || string(first.arena) != string(again.arena) {
			t.Errorf("%s: two of the same number differ", name)
		}
		if string(first.arena) == string(other.arena) {
			t.Errorf("%s: two of different numbers are the same", name)
		}
		for i := 1; i < first.Len(); i++ {
			if first.Name(i-1).Compare(first.Name(i)) >= 0 {
				t.Errorf("%s: %s before %s", name, first.Name(i-1), first.Name(i))
			}
		}
	}
}

func TestChassisHasEveryColumn(t *testing.T) {
	r := Chassis1000(1)
	for entry, columns := range map[string]uint32{"1.3.6.1.2.1.2.2.1": 22, "1.3.6.1.2.1.31.1.1.1": 19} {
		for column := range columns {
			for _, row := range []uint32{1, 1000} {
				if name := oid(snmp.MustParseOID(entry), column+1, row); !has(r, name) {
					t.Errorf("%s is missing", name)
				}
			}
		}
	}
}

func has(r *Recording, name snmp.OID) bool {
	_, found := r.Find(name)
	return found
}
