package mute

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// Every error names its field, and says what to write instead.
func TestErrorsOfTimeIntervals(t *testing.T) {
	for _, test := range []struct{ period, want string }{
		{`{"times":[{"start_time":"22:00","end_time":"06:00"}]}`, "times[0]: times do not go beyond midnight: write two, {start_time: '22:00', end_time: '24:00'} and {start_time: '00:00', end_time: '06:00'}"},
		{`{"times":[{"start_time":"22:00","end_time":"00:00"}]}`, "times[0]: write {start_time: '22:00', end_time: '24:00'}"},
		{`{"times":[{"start_time":"9:00","end_time":"17:00"}]}`, `times[0]: "9:00" is not a time of the day: write it as in '09:00', and the end of the day as '24:00'`},
		{`{"times":[{"start_time":"09:00"}]}`, "times[0]: write start_time and end_time, as in {start_time: '09:00', end_time: '17:00'}"},
		{`{"weekdays":["monday","tue"]}`, `weekdays[1]: "tue" is not a weekday: write tuesday`},
		{`{"weekdays":["friday:monday"]}`, "weekdays[0]: weeks begin with sunday: write two, friday:saturday and sunday:monday"},
		{`{"weekdays":["mon-fri"]}`, `weekdays[0]: "mon-fri" is not a weekday: write it as in monday, or monday:friday`},
		{`{"weekdays":["mnday:friday"]}`, `weekdays[0]: "mnday" is not a weekday: did you mean monday?`},
		{`{"days_of_month":["0"]}`, `days_of_month[0]: "0" is not a day of the month: write it as in 1, 1:7, or -1 for the last day`},
		{`{"days_of_month":["28:3"]}`, "days_of_month[0]: days do not go beyond a month: write two, 28:-1 and 1:3"},
		{`{"days_of_month":["1-7"]}`, `days_of_month[0]: "1-7" is not a day of the month: write it as in 1, 1:7, or -1 for the last day`},
		{`{"months":["13"]}`, `months[0]: "13" is not a month: write it as in december, 12 or 10:12`},
		{`{"months":["0:3"]}`, `months[0]: "0" is not a month: write it as in december, 12 or 10:12`},
		{`{"months":["december:january"]}`, "months[0]: months do not go beyond a year: write two, december:december and january:january"},
		{`{"years":["26"]}`, `years[0]: "26" is not a year: write it as in 2026, or 2026:2028`},
		{`{"years":["2028:2026"]}`, "years[0]: 2026 is before 2028: write 2026:2028"},
		{`{"location":"Berlin"}`, `location: there is no time zone "Berlin": write it as in Europe/Berlin, or leave it out for UTC`},
	} {
		var p Period
		if err := json.Unmarshal([]byte(test.period), &p); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, problem := range p.problems() {
			got = append(got, problem.Path+": "+problem.Text)
		}
		if text := strings.Join(got, "; "); text != test.want {
			t.Errorf("%s: %s, want %s", test.period, text, test.want)
		}
	}
}

// What has no problem is what Alertmanager accepts, and what it refuses has one.
func TestPeriodsAreAlertmanagers(t *testing.T) {
	random := rand.New(rand.NewPCG(14, 14))
	words := []string{"monday", "friday", "sunday", "january", "June", "december", "1", "2", "7", "12", "13", "28", "31", "32", "0", "-1", "-31", "-32", "2026", "26", "x", "", "mon"}
	word := func() []string {
		w := words[random.IntN(len(words))]
		if random.IntN(2) == 0 {
			w += ":" + words[random.IntN(len(words))]
		}
		return []string{w}
	}
	clocks := []string{"00:00", "09:30", "17:59", "24:00", "24:01", "9:00", "", "23:60"}
	for range 30_000 {
		var p Period
		switch random.IntN(5) {
		case 0:
			p.Times = []Times{{clocks[random.IntN(len(clocks))], clocks[random.IntN(len(clocks))]}}
		case 1:
			p.Weekdays = word()
		case 2:
			p.DaysOfMonth = word()
		case 3:
			p.Months = word()
		default:
			p.Years = word()
		}
		_, err := p.interval()
		text, _ := json.Marshal(p)
		problems := p.problems()
		if err != nil && len(problems) == 0 {
			t.Fatalf("%s is refused (%v), and has no problem", text, err)
		}
		stricter := strings.Contains(string(text), "months") || strings.Contains(string(text), "years")
		if len(problems) > 0 && err == nil && !stricter {
			t.Fatalf("%s has the problem %q, and is accepted", text, problems[0].Text)
		}
	}
}
