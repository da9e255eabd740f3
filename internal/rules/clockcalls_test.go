package rules

import (
	"testing"
	"time"
)

// Functions that return the present time return that of the wall clock, not that of the clock of rules.
func TestQueriesThatAskForTheTime(t *testing.T) {
	for expr, want := range map[string]string{
		`up == 0`:                   `up == 0`,
		`time() - boot_time > 60`:   `(time() + 90) - boot_time > 60`,
		`hour() > 8 and x`:          `hour(vector(time() + 90)) > 8 and x`,
		`hour(x) > 8`:               `hour(x) > 8`,
		`time() - timestamp(x) > 5`: `(time() + 90) - (timestamp(x) + 90) > 5`,
		`hour(vector(time())) > 8`:  `hour(vector((time() + 90))) > 8`,
		`label_replace(x, "time()", "hour()", "", "") and on () day_of_week() < 6`: `label_replace(x, "time()", "hour()", "", "") and on () day_of_week(vector(time() + 90)) < 6`,
	} {
		r := parse(t, "groups: [{name: g, rules: [{alert: A, expr: '"+expr+"'}]}]").Rules()[0]
		if got := r.query.QueryAt(90*time.Second + 100*time.Millisecond); got != want {
			t.Errorf("%s: %s, want %s", expr, got, want)
		}
		if got := r.query.QueryAt(100 * time.Millisecond); got != r.query.QueryAt(0) {
			t.Errorf("%s, as both clocks are the same: %s", expr, got)
		}
	}
	r := start(t, `{alert: Late, expr: 'temperature > 40 and on () hour() >= 18'}, {alert: Old, expr: 'time() - timestamp(temperature) > 60'}`)
	r.warm()
	r.want("at midnight", "")
	r.e.clock.Shown = func(now time.Time) time.Time { return now.Add(20 * time.Hour) }
	r.warm()
	r.want("in the evening", "raise Late i=1")
}
