package mute

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/alarm"
)

// randomMatchers are one to three matchers of few names and values.
func randomMatchers(t testing.TB, r *rand.Rand) Matchers {
	t.Helper()
	var texts []string
	for range 1 + r.IntN(3) {
		name := []string{"site", "target", "severity", "alertname", "rack"}[r.IntN(5)]
		operator := []string{"=", "!=", "=~", "!~"}[r.IntN(4)]
		texts = append(texts, fmt.Sprintf("%s%s%q", name, operator, []string{"a", "b", "major", "", "a|b"}[r.IntN(5)]))
	}
	m, err := Parse(strings.Join(texts, ","))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func randomAlarm(r *rand.Rand) *alarm.Alarm {
	word := func() string { return []string{"a", "b", "c"}[r.IntN(3)] }
	a := &alarm.Alarm{Rule: word(), Target: word(), Severity: alarm.Severity(3 + r.IntN(4)), Labels: map[string]string{"site": word()}}
	if r.IntN(2) == 0 {
		a.Labels["rack"] = word()
	}
	return a
}

// The reasons of an alarm are the silences that are active and match, whatever the order of their changes, and a
// difference affects the alarms whose reasons differ.
func TestReasonsAreTheSilencesThatMatch(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		now := time.Unix(1_000_000, 0)
		rules := &Rules{}
		rules.setTargets(map[string]map[string]string{"a": {"rack": "a"}})
		set := NewSet(nil, rules).Pass(now).Set
		for step := range 40 {
			before := set
			if r.IntN(3) > 0 {
				from := now.Add(time.Duration(r.IntN(3)-1) * time.Hour)
				c, _, err := set.Put(Silence{Matchers: randomMatchers(t, r), StartsAt: from, EndsAt: now.Add(time.Duration(2+r.IntN(200)) * time.Hour)}, fmt.Sprint(step), now)
				if err != nil {
					continue // matches every alarm
				}
				set = c.Set
			} else {
				now = now.Add(time.Duration(r.IntN(40)) * time.Hour)
				set = set.Pass(now).Set
			}
			d := set.Since(before)
			for range 10 {
				a := randomAlarm(r)
				var want []Reason
				for id, s := range set.silences {
					if s.StateAt(now) == Active && set.Labels(a).Match(s.Matchers) {
						want = append(want, Reason{BySilence, id})
					}
				}
				slices.SortFunc(want, func(a, b Reason) int { return strings.Compare(a.Name, b.Name) })
				if got := set.Reasons(a); !slices.Equal(got, want) || set.Muted(a) != (len(want) > 0) {
					t.Fatalf("history %d: %v is muted by %v, want %v", seed, a, got, want)
				}
				if !slices.Equal(set.Reasons(a), before.Reasons(a)) && !d.Affects(a) {
					t.Fatalf("history %d: the reasons of %v differ, and the difference does not affect it", seed, a)
				}
			}
		}
	}
}

// What time brings is due when it happens, and not before.
func TestDue(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	m, _ := Parse(`site="a"`)
	c, _, err := NewSet(nil, nil).Put(Silence{Matchers: m, StartsAt: now.Add(time.Hour), EndsAt: now.Add(2 * time.Hour)}, "1", now)
	if err != nil {
		t.Fatal(err)
	}
	a := &alarm.Alarm{Labels: map[string]string{"site": "a"}}
	set, changes := c.Set, ""
	for at := now; at.Before(now.Add(Retention + 3*time.Hour)); at = at.Add(time.Minute) {
		if set.Due(at) {
			set = set.Pass(at).Set
			changes += fmt.Sprintf("%v %v %d; ", at.Sub(now), set.Muted(a), set.Len())
		}
	}
	if want := "1h0m0s true 1; 2h0m0s false 1; 122h0m0s false 1; 122h1m0s false 0; "; changes != want {
		t.Errorf("%q, want %q", changes, want)
	}
	if !set.Due(now) {
		t.Error("the clock was set back, and nothing is due")
	}
}

func TestSilencesThatAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	for _, test := range []struct {
		matchers string
		from, to time.Duration
		comment  string
		want     string
	}{
		{`site="a"`, 0, time.Hour, "", ""},
		{`site=~"a|b",rack!=""`, 0, time.Hour, "", ""},
		{`site=~".*"`, 0, time.Hour, "", "at least one matcher must not match the empty string"},
		{`site=""`, 0, time.Hour, "", "at least one matcher must not match the empty string"},
		{`site="a"`, time.Hour, time.Hour, "", "endsAt must be after startsAt"},
		{`site="a"`, -2 * time.Hour, -time.Hour, "", "endsAt must be in the future"},
		{`site="a"`, 0, time.Hour, strings.Repeat("x", MaxSilenceSize), "the silence has 65541 octets, and may have 65536"},
	} {
		m, err := Parse(test.matchers)
		if err != nil {
			t.Fatal(err)
		}
		s := Silence{Matchers: m, StartsAt: now.Add(test.from), EndsAt: now.Add(test.to), Comment: test.comment}
		if err := s.Check(now); fmt.Sprint(err) != test.want && (test.want == "" && err != nil || !strings.HasPrefix(fmt.Sprint(err), test.want)) {
			t.Errorf("%s: %v, want %q", test.matchers, err, test.want)
		}
	}
}

func TestIntervalsAreAlertmanagers(t *testing.T) {
	t.Parallel()
	i := Interval{Name: "works", Periods: []Period{
		{Times: []Times{{"22:00", "24:00"}}, Weekdays: []string{"monday:friday"}, Location: "Europe/Berlin"}, {DaysOfMonth: []string{"-1"}, Months: []string{"december"}, Years: []string{"2026"}},
	}}
	if list := i.Problems(); len(list) > 0 {
		t.Fatal(list)
	}
	r, err := NewRules([]Interval{i}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"2026-11-26T21:00:00Z": "works", // Thursday, 22:00 in Berlin
		"2026-11-26T20:59:00Z": "",
		"2026-11-28T21:30:00Z": "", // Saturday
		"2026-12-31T12:00:00Z": "works",
		"2027-12-31T12:00:00Z": "",
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		set := NewSet(nil, r).Pass(now).Set
		if got := set.Closed(nil, []string{"works"}); got != want {
			t.Errorf("%s: closed by %q, want %q", at, got, want)
		}
		if open := set.Closed([]string{"works"}, nil) == ""; open != (want != "") {
			t.Errorf("%s: open is %v", at, open)
		}
	}
	for _, p := range []Period{{Weekdays: []string{"mondy"}}, {Times: []Times{{"9:00", "10:00"}}}, {Times: []Times{{"10:00", "09:00"}}}, {Location: "Berlin"}} {
		if bad := (Interval{Name: "x", Periods: []Period{p}}); len(bad.Problems()) != 1 {
			t.Errorf("%+v: %v", p, bad.Problems())
		}
	}
}

// BenchmarkReasons computes the reasons of an alarm among 1,000 silences.
func BenchmarkReasons(b *testing.B) {
	for _, kind := range []string{`target="core-%d"`, `target=~"core-%d|edge-%[1]d"`} {
		b.Run(kind[:8], func(b *testing.B) {
			now := time.Now()
			set := NewSet(nil, nil)
			for i := range 1000 {
				m, err := Parse(fmt.Sprintf(kind, i))
				if err != nil {
					b.Fatal(err)
				}
				c, _, err := set.Put(Silence{Matchers: m, StartsAt: now, EndsAt: now.Add(time.Hour)}, fmt.Sprint(i), now)
				if err != nil {
					b.Fatal(err)
				}
				set = c.Set
			}
			a := &alarm.Alarm{Rule: "Hot", Target: "core-7", Severity: alarm.Major, Labels: map[string]string{"site": "berlin"}}
			b.ReportAllocs()
			for b.Loop() {
				if len(set.Reasons(a)) != 1 {
					b.Fatal("not muted")
				}
			}
		})
	}
}
