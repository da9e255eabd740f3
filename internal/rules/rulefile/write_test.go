package rulefile

import (
	"strings"
	"testing"

	"trapline/internal/rules"
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
	a, _, _ := rules.Parse("a.yml", []byte(`groups: [{name: g, interval: 30s, query_offset: 10s, labels: {team: net}, rules: [
		{alert: A, expr: a > 1, for: 5m, keep_firing_for: 1m, labels: {severity: major}, annotations: {summary: '{{ $labels.target }}'}},
		{record: 'b:sum', expr: sum(b)}, {alert: B, expr: b}]}]`))
	a[0].Rules[1].Labels = nil
	b, _, _ := rules.Parse("b.yml", []byte(`groups: [{name: g, rules: [{alert: C, expr: c}]}, {name: h, rules: [{alert: B, expr: b}]}]`))
	var got strings.Builder
	if err := Write(&got, rules.NewSet(append(a, b...)), func(r *rules.Rule) bool { return r.Alert != "B" }); err != nil {
		t.Fatal(err)
	}
	if got.String() != text {
		t.Errorf("got\n%s\nwant\n%s", got.String(), text)
	}
	if _, problems, _ := rules.Parse("shown.yml", []byte(got.String())); len(problems) > 0 {
		t.Error(problems)
	}
}
