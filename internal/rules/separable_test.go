package rules

import (
	"testing"

	"trapline/internal/rules/expression"
)

func TestWhatIsGlobalAndWhy(t *testing.T) {
	for expr, want := range map[string]string{
		`rate(a[5m]) > 1`:               "",
		`a > on (target, i) b`:          "",
		`sum by (target) (a)`:           "",
		`sum without (i) (a)`:           "",
		`count by (site) (a == 0)`:      "count by (site) (a == 0) mixes targets",
		`sum without (target) (a)`:      "sum without (target) (a) mixes targets",
		`absent(a)`:                     "absent(a) is about series that are not there",
		`a > scalar(b)`:                 "scalar(b) loses the labels",
		`a > on (site) group_left () b`: "a > on (site) group_left () b matches series of different targets",
		`a > ignoring (target) b`:       "a > ignoring (target) b matches series of different targets",
		`vector(1)`:                     "vector(1) is about no target",
		`1`:                             "1 is about no target",
		`a and on () hour() > 8`:        "hour() is about no target",
		`label_replace(a, "target", "x", "i", ".*")`:   `label_replace(a, "target", "x", "i", ".*") writes the label target`,
		`count_values by (target) ("target", a)`:       `count_values by (target) ("target", a) writes the label target`,
		`a > 80 or a > 70 and on (target, i) ALERTS`:   "",
		`max_over_time((a + b)[10m:1m]) > 3`:           "",
		`topk by (target) (3, a)`:                      "",
		`topk(3, a)`:                                   "topk(3, a) mixes targets",
		`histogram_quantile(0.9, sum by (target) (a))`: "",
	} {
		e, err := expression.Parser.ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := expression.Separable(e); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}

// Series of a global rule may lack a target, so that a rule that selects them is global too.
func TestWhatLooksAtGlobalRulesIsGlobal(t *testing.T) {
	set := parse(t, `groups: [{name: g, rules: [
{record: "site:down", expr: count by (site) (up == 0)},
{alert: SiteDown, expr: "site:down > 3"},
{alert: AfterSite, expr: 'a and on (target) ALERTS{alertname="SiteDown"}'},
{alert: Anything, expr: 'sum by (target) ({__name__=~"site:.*"})'},
{record: "target:b", expr: sum by (target) (b)},
{alert: B, expr: 'target:b > 1 and on (target) ALERTS{alertname="B"}'},
{alert: Moved, expr: a > 1, labels: {target: x}},
]}]`)
	want := map[string]string{
		"site:down": "count by (site) (up == 0) mixes targets", "SiteDown": "it looks at what the global rule site:down yields",
		"AfterSite": "it looks at what the global rule SiteDown yields", "Anything": "it looks at what the global rule site:down yields",
		"target:b": "", "B": "", "Moved": "its labels set the label target",
	}
	for _, r := range set.Rules() {
		if r.Global != want[r.Name()] {
			t.Errorf("%s: %q, want %q", r.Name(), r.Global, want[r.Name()])
		}
	}
}
