package poller

import (
	"testing"

	"trapline/internal/series"
)

func TestReboots(t *testing.T) {
	desc := &series.Desc{Name: "sysUpTime", Object: sysUpTime}
	for _, test := range []struct {
		name    string
		uptimes []float64
		want    int64
	}{
		{"none", []float64{100, 200, 300}, 0},
		{"one", []float64{90000, 100, 200}, 1},
		{"two", []float64{90000, 100, 50, 200}, 2},
		{"came round", []float64{1<<32 - 1000, 200}, 0},
		{"came round, in seconds", []float64{(1<<32 - 1000) / 100, 2}, 0},
	} {
		s := &state{}
		s.noteUptime(&Pass{})
		for _, v := range test.uptimes {
			column := series.Column{Desc: desc, Table: noLabels, Values: []float64{v}}
			s.noteUptime(&Pass{Sets: []*series.Set{{Columns: []series.Column{column}}}})
		}
		if got := s.reboots.Load(); got != test.want {
			t.Errorf("%s: %d reboots, want %d", test.name, got, test.want)
		}
	}
}
