package rules

import "testing"

func TestWhatARuleLooksAt(t *testing.T) {
	metrics := map[string][]string{"a": nil}
	for expr, want := range map[string]bool{"a > 1": true, "b > 1": false, "b and on (target) rate(a[5m])": true, `{target="x"} > 1`: true, "1": false, "up == 0": true} {
		if got := parse(t, "groups: [{name: g, rules: [{alert: A, expr: '"+expr+"'}]}]").Rules()[0].LooksAt(metrics); got != want {
			t.Errorf("%s: %t", expr, got)
		}
	}
}
