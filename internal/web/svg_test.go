package web

import (
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"trapline/internal/api"
	"trapline/internal/human"
)

// A line has a point for each value, at its place, within the drawing, and none for gaps.
func TestLinesDrawEachValue(t *testing.T) {
	step := regexp.MustCompile(`([Ml])(-?\d+) (-?\d+)`)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		history := make([]float64, r.IntN(61))
		for i := range history {
			if history[i] = (r.Float64() - float64(seed%2)/2) * 1e9; r.IntN(5) == 0 {
				history[i] = gap
			}
		}
		low, top, _ := scale([][]float64{history})
		const height, begin = 22, 3
		path := line(history, begin, low, top, height)
		drawn := map[int]int{}
		x, y := 0, 0
		for _, m := range step.FindAllStringSubmatch(path, -1) {
			a, _ := strconv.Atoi(m[2])
			b, _ := strconv.Atoi(m[3])
			if m[1] == "M" {
				x, y = a, b
			} else {
				x, y = x+a, y+b
			}
			drawn[x] = y
		}
		if step.ReplaceAllString(path, "") != "" {
			t.Fatalf("seed %d: path %q", seed, path)
		}
		for i, v := range history {
			y, is := drawn[begin+i]
			if is != (v != gap) || y < 0 || y >= height || v == top && top > low && y != 1 || is && v == low && y != height-1 {
				t.Fatalf("seed %d: value %d of %v is at %d (%v): %s", seed, i, v, y, is, path)
			}
		}
	}
}

// The outcomes of polls fill the band up to its right end, each as wide as it lasted.
func TestStripsEndAtTheLastPoll(t *testing.T) {
	for _, outcomes := range []string{"u", "uuud", "pudm", strings.Repeat("ud", 30), strings.Repeat("u", 90)} {
		total, end := 0, 0
		for _, m := range regexp.MustCompile(`M(\d+) 0h(\d+)v`).FindAllStringSubmatch(string(strip(outcomes, 120, 14)), -1) {
			at, _ := strconv.Atoi(m[1])
			n, _ := strconv.Atoi(m[2])
			total, end = total+n, at+n
		}
		if total != min(60, len(outcomes)) || end != 60 {
			t.Errorf("%s: %d polls up to %d", outcomes, total, end)
		}
	}
	for _, n := range []int{1, 7, 59, 60} {
		if got := string(strip(strings.Repeat("u", n), 0, 14)); strings.Contains(got, "no poll yet") != (n < 60) || !strings.Contains(got, `width="100%"`) {
			t.Errorf("%d polls: %s", n, got)
		}
		if got := string(hour(make([]api.Minute, n))); strings.Contains(got, "no poll yet") != (n < 60) {
			t.Errorf("%d minutes: %s", n, got)
		}
	}
	if got := string(hour([]api.Minute{{Total: 3}, {Total: 3, Down: 1}, {}})); strings.Count(got, `class="g"`) != 1 {
		t.Errorf("one minute of three had polls, and no target that was not up: %s", got)
	}
	if got := string(hour([]api.Minute{{Down: 1, Total: 10000}, {Partial: 9999, Total: 10000}})); strings.Count(got, `class="x"`) != 1 || strings.Count(got, `class="y"`) != 1 {
		t.Errorf("one target of many is not seen: %s", got)
	}
}

func TestNumbersInWords(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1,000", count(-1234567): "-1,234,567",
		short(51388): "51,388", short(21.4e6): "21.4 M", trim(9.996): "10", trim(0.004): "0.004", trim(5.6): "5.6",
		duration(0): "–", duration(0.0004): "400 µs", duration(0.0031): "3.1 ms", duration(0.084): "84 ms", duration(1.9): "1.9 s", duration(60): "1 min", duration(7260): "2 h 1 min",
		human.Span(212*86400 + 4*3600): "212 d 4 h", human.Span(59): "59 s", human.Span(3600): "1 h", human.Percent(1): "100 %", human.Percent(0.9992): "99.92 %", human.Percent(0.5): "50 %",
		human.Counted(1, "query"): "1 query", human.Counted(2, "query"): "2 queries", human.Counted(1000, "row"): "1,000 rows",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
