package mute

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/setting"
)

// The next begin and end of a window are the first minutes at which it is open, and is not: also over changes of clocks, and
// of several zones.
func TestNextBeginAndEndOfWindows(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	for range 60 {
		var intervals []Interval
		for _, name := range []string{"a", "b"} {
			p := Period{Location: pick("", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland"), Times: []Times{{pick("00:00", "01:15", "02:30"), pick("03:00", "12:01", "24:00")}}}
			if random.IntN(2) == 0 {
				p.Weekdays = []string{pick("sunday", "monday:wednesday", "friday:saturday")}
			}
			if random.IntN(4) == 0 {
				p.DaysOfMonth = []string{pick("1:7", "-3:-1")}
			}
			intervals = append(intervals, Interval{name, []Period{p}})
		}
		now := time.Date(2026, time.Month(3+7*random.IntN(2)), 20+random.IntN(9), random.IntN(24), random.IntN(60), 17, 0, time.UTC)
		w := WindowSettings{Name: "w", Matchers: []string{"site=berlin"}, During: []string{"a", "b"}}
		if random.IntN(2) == 0 {
			w.From, w.Until = setting.Time{Time: now.Add(time.Duration(random.IntN(90)-30) * time.Hour)}, setting.Time{Time: now.Add(200 * time.Hour)}
		}
		r, err := NewRules(intervals, []WindowSettings{w}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := NewSet(nil, r).Windows(now, 1)[0]
		first := func(after time.Time, open bool) time.Time {
			for at := after.Truncate(time.Minute).Add(time.Minute); at.Before(after.Add(40 * 24 * time.Hour)); at = at.Add(time.Minute) {
				if r.open(&r.windows[0], at) == open {
					return at
				}
			}
			return time.Time{}
		}
		var begin, end time.Time
		from := now
		if !r.open(&r.windows[0], now) {
			begin = first(now, true)
			from = begin
		}
		if !from.IsZero() {
			end = first(from, false)
		}
		near := func(got, want time.Time) bool { // begin and end of the window itself may be within a minute
			return got.Equal(want) || want.IsZero() && got.Sub(now) > 39*24*time.Hour || !want.Before(got) && want.Sub(got) < time.Minute
		}
		if !near(got.Begin, begin) || !near(got.End, end) {
			t.Errorf("at %v: %v to %v, want %v to %v: %+v %+v", now, got.Begin, got.End, begin, end, intervals, w)
		}
	}
}

// A window without intervals begins and ends once.
func TestWindowsWithoutIntervals(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2026, 12, 1, h, 0, 0, 0, time.UTC) }
	r, err := NewRules(nil, []WindowSettings{{Name: "w", Matchers: []string{"site=berlin"}, From: setting.Time{Time: at(3)}, Until: setting.Time{Time: at(5)}, Comment: "core upgrade"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		now        int
		active     bool
		begin, end time.Time
	}{{2, false, at(3), at(5)}, {3, true, time.Time{}, at(5)}, {5, false, time.Time{}, time.Time{}}} {
		list := NewSet(nil, r).Windows(at(test.now), 10)
		if w := list[0]; len(list) != 1 || w.Active != test.active || !w.Begin.Equal(test.begin) || !w.End.Equal(test.end) || w.Comment != "core upgrade" {
			t.Errorf("at %d: %+v", test.now, w)
		}
	}
}

// Targets are in maintenance by their names and labels; not by windows that mute other alarms, or are not open.
func TestTargetsInMaintenance(t *testing.T) {
	window := func(name string, matchers ...string) WindowSettings {
		return WindowSettings{Name: name, Matchers: matchers, From: setting.Time{Time: time.Unix(100, 0)}, Until: setting.Time{Time: time.Unix(200, 0)}}
	}
	targets := map[string]map[string]string{"core-1": {"site": "berlin"}, "core-2": {"site": "bonn"}, "core-3": {"site": "kiel"}}
	r, err := NewRules(nil, []WindowSettings{window("a", `target="core-1"`), window("b", `site=~"berlin|bonn"`), window("c", `site="kiel"`, `severity="minor"`)}, targets)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int64]string{99: "map[]", 100: "map[core-1:a core-2:b]", 200: "map[]"} {
		set := NewSet(nil, r).Pass(time.Unix(at, 0)).Set
		if got := fmt.Sprint(set.Maintained(alarm.Alarm{Rule: "DeviceDown", Severity: alarm.Critical})); got != want || (len(set.Open()) == 3) != (at == 100) {
			t.Errorf("at %d: %s, %v", at, got, set.Open())
		}
	}
}
