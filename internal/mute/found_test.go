package mute

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"trapline/internal/alarm"
)

// The silences that match one of several alarms are those that an index-free look finds.
func TestSilencesThatMatchAreFound(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	for range 500 {
		r := &Rules{}
		r.setTargets(map[string]map[string]string{"t1": {"site": "a"}, "t2": {"site": "b", "x": "1"}})
		s := NewSet(nil, r)
		var silences []*Silence
		for i := range random.IntN(8) {
			text := ""
			for range 1 + random.IntN(3) {
				text += fmt.Sprintf("%s%s%q,", pick("alertname", "severity", "target", "site", "x", "resource", "none"), pick("=", "=", "!=", "=~", "!~"), pick("A", "B", "t1", "t2", "a", "1", "major", ""))
			}
			m, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			silences = append(silences, &Silence{ID: fmt.Sprint(i), Matchers: m})
		}
		alarms := map[string]*alarm.State{}
		for i := range random.IntN(6) {
			a := alarm.Alarm{ID: fmt.Sprint(i), Rule: pick("A", "B"), Target: pick("t1", "t2", ""), Severity: alarm.Major, Labels: map[string]string{"x": pick("1", "A", "")}}
			alarms[a.ID] = &alarm.State{ID: a.ID, Conditions: []alarm.Condition{{Source: a.ID, Alarm: a}}}
		}
		found := s.found(silences, alarms)
		for _, one := range silences {
			want := false
			for _, a := range alarms {
				want = want || s.Labels(a.Alarm()).Match(one.Matchers)
			}
			if found[one.ID] != want {
				t.Fatalf("%s: found %v, want %v", one.Matchers, found[one.ID], want)
			}
		}
	}
}
