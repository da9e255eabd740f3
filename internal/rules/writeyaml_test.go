package rules

import (
	"strings"
	"testing"
)

// The written rules are a rule file with the same meaning.
func TestShownRules(t *testing.T) {
	const text = `groups:
  # a.yml:1
  - name: g
    interval: 30s
    query_offset: 10s
    rules:
      # g/A: evaluated for each target by itself
      - alert: A
        expr: a > 1
        for: 5m
        keep_firing_for: 1m
        labels:
          severity: major
          team: net
        annotations:
          summary: '{{ $labels.target }}'
      # g/b:sum: evaluated over all targets at once, for sum(b) mixes targets
      - record: b:sum
        expr: sum(b)
  # b.yml:1
  - name: g of b.yml
    rules:
      # g/C: evaluated for each target by itself
      - alert: C
        expr: c
`
	a, _, _ := Parse("a.yml", []byte(`groups: [{name: g, interval: 30s, query_offset: 10s, labels: {team: net}, rules: [
		{alert: A, expr: a > 1, for: 5m, keep_firing_for: 1m, labels: {severity: major}, annotations: {summary: '{{ $labels.target }}'}},
		{record: 'b:sum', expr: sum(b)}, {alert: B, expr: b}]}]`))
	a[0].Rules[1].Labels = nil
	b, _, _ := Parse("b.yml", []byte(`groups: [{name: g, rules: [{alert: C, expr: c}]}, {name: h, rules: [{alert: B, expr: b}]}]`))
	var got strings.Builder
	if err := NewSet(append(a, b...)).WriteYAML(&got, func(r *Rule) bool { return r.Alert != "B" }); err != nil {
		t.Fatal(err)
	}
	if got.String() != text {
		t.Errorf("got\n%s\nwant\n%s", got.String(), text)
	}
	if _, problems, _ := Parse("shown.yml", []byte(got.String())); len(problems) > 0 {
		t.Error(problems)
	}
}

func TestWhatARuleLooksAt(t *testing.T) {
	metrics := map[string][]string{"a": nil}
	for expr, want := range map[string]bool{"a > 1": true, "b > 1": false, "b and on (target) rate(a[5m])": true, `{target="x"} > 1`: true, "1": false, "up == 0": true} {
		if got := parse(t, "groups: [{name: g, rules: [{alert: A, expr: '"+expr+"'}]}]").Rules()[0].LooksAt(metrics); got != want {
			t.Errorf("%s: %t", expr, got)
		}
	}
}
