package human

import "testing"

func TestCounted(t *testing.T) {
	for want, got := range map[string]string{
		"1 row": Counted(1, "row"), "0 rows": Counted(0, "row"), "1,234 addresses": Counted(1234, "address"), "2 queries": Counted(2, "query"), "2 keys": Counted(2, "key"),
		"3 series": Count(3, "series", "series"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A share that is not whole is not shown as whole.
func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{0: "0 %", 1: "100 %", 0.0125: "1.25 %", 0.005: "0.5 %", 0.5: "50 %", 0.123456: "12.3 %", 0.9994: "99.94 %", 0.0004: "0.04 %"} {
		if got := Percent(share); got != want {
			t.Errorf("%v: %q, want %q", share, got, want)
		}
	}
}

func TestScaled(t *testing.T) {
	for v, want := range map[float64]string{0: "0 bit/s", 999: "999 bit/s", 999.6: "1 kbit/s", 9.4e9: "9.4 Gbit/s", 2e15: "2 Pbit/s", 0.5: "0.5 bit/s"} {
		if got := Scaled(v, "bit/s"); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}
