package replay

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A text differs from itself in nothing, in whatever order its lines are, and each series that is left out, added or
// changed is named once.
func TestDifferencesOfMeasures(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		var got []string
		for i := range 1 + random.IntN(20) {
			got = append(got, fmt.Sprintf(`hw_temperature_celsius{hw_id="A::b.%02d",hw_name="a b"} %d`, i, random.IntN(100)))
		}
		var want, expected []string
		for i, line := range got {
			name, value := cutValue(line)
			switch random.IntN(4) {
			case 0:
				expected = append(expected, "+ "+line)
			case 1:
				want = append(want, name+" 1e3")
				expected = append(expected, fmt.Sprintf("~ %s %s, expected 1e3", name, value))
			case 2:
				want = append(want, line, fmt.Sprintf("hw_voltage_volts{hw_id=\"A::c.%02d\"} 1", i))
				expected = append(expected, fmt.Sprintf("- hw_voltage_volts{hw_id=\"A::c.%02d\"} 1", i))
			default:
				want = append(want, line)
			}
		}
		random.Shuffle(len(want), func(i, j int) { want[i], want[j] = want[j], want[i] })
		text := "# HELP hw_temperature_celsius Temperature\n\n" + strings.Join(want, "\r\n")
		list := Differences(text, got)
		slices.Sort(list)
		slices.Sort(expected)
		if !slices.Equal(list, expected) {
			t.Fatalf("seed %d: differences are\n%s\nwant\n%s", seed, strings.Join(list, "\n"), strings.Join(expected, "\n"))
		}
	}
}
