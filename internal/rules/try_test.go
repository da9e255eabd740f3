package rules

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/poller"
)

// reports are those of passes that were made a moment ago.
func (r *rig) reports(rows map[string][]string) (list []poller.Report) {
	for _, t := range r.targets {
		pass := &poller.Pass{Start: r.now, Up: true}
		pass.Sets = append(pass.Sets, setOf(r.T, rows[t.Name]...))
		list = append(list, poller.Report{Target: t, Last: pass, Health: setOf(r.T, "trapline_target_up 1")})
	}
	return list
}

func (r *rig) try(expr string, reports []poller.Report) *TrialResult {
	r.Helper()
	found, err := r.e.Try(r.Context(), &Trial{Expr: expr, Polls: reports})
	if err != nil {
		r.Fatal(err)
	}
	return found
}

func matchesOf(found *TrialResult) string {
	var list []string
	for _, m := range found.Matches {
		list = append(list, fmt.Sprintf("%s%v=%g", m.Target, m.Labels, m.Value))
	}
	return strings.Join(list, " ")
}

// Metrics that no rule selects are tried on the last polls.
func TestTryOnTheLastPolls(t *testing.T) {
	r := start(t, hot, "sw1", "sw2", "sw3")
	reports := r.reports(map[string][]string{"sw1": {`fan{i="1"} 0`, `fan{i="2"} 3`}, "sw2": {`fan{i="1"} 0`}})
	reports[2].Last = nil // not polled yet
	found := r.try("fan == 0", reports)
	if got := matchesOf(found); got != "sw1map[i:1]=0 sw2map[i:1]=0" {
		t.Error(got)
	}
	if found.Window != 0 || !slices.Equal(found.Unkept, []string{"fan"}) || found.Unknown != nil {
		t.Errorf("%+v", found)
	}
	found = r.try("fan == 0", reports[1:2])
	if got := matchesOf(found); got != "sw2map[i:1]=0" {
		t.Errorf("of sw2 alone: %s", got)
	}
	if found = r.try("nothing == 0 or up == 1", reports[:1]); !slices.Equal(found.Unknown, []string{"nothing"}) || matchesOf(found) != "sw1map[]=1" {
		t.Errorf("%+v", found)
	}
	if found = r.try("count(fan) > 2", reports); matchesOf(found) != "map[]=3" {
		t.Errorf("over targets: %s", matchesOf(found))
	}
}

// The number of times that an expression became true and ceased to be is that of an evaluation at each poll.
func TestTryOnTheSamplesThatAreKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		r := start(t, hot)
		began, ended, was, since := 0, 0, false, time.Time{}
		var row string
		for i := range 50 {
			hotNow := random.IntN(3) > 0
			row = fmt.Sprintf(`temperature{i="1"} %d`, 30+map[bool]int{true: 20}[hotNow])
			r.poll(row)
			switch {
			case hotNow && !was:
				since = r.now
				if i > 0 {
					began++
				}
			case was && !hotNow:
				ended++
			}
			was = hotNow
		}
		found := r.try("temperature > 40", r.reports(map[string][]string{"sw1": {row}}))
		if found.Began != began || found.Ended != ended || found.Window == 0 || len(found.Matches) == 1 != was {
			t.Fatalf("%+v: want %d and %d, true now: %v", found, began, ended, was)
		}
		if was && (!found.Matches[0].Since.Equal(since) || found.Matches[0].Began != began) {
			t.Errorf("%+v: want since %v", found.Matches[0], since)
		}
		r.kill()
	}
}

func TestTryIsBounded(t *testing.T) {
	r := start(t, hot)
	reports := r.reports(nil)
	for _, c := range []struct{ expr, want string }{
		{"a >", "parse error"},
		{"1", "it gives a scalar"},
		{`"x"`, "it gives a string"},
		{"a[5m]", "it gives a range vector"},
		{strings.Repeat("(", 60) + "a" + strings.Repeat(")", 60), "within each other"},
		{"max_over_time(a[52w:1s]) > 0", "a subquery is evaluated"},
		{strings.Repeat("a or ", 3000) + "a", "octets"},
	} {
		_, err := r.e.Try(t.Context(), &Trial{Expr: c.expr, Polls: reports})
		exprError := (*ExprError)(nil)
		if !errors.As(err, &exprError) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: %v, want %s", c.expr, err, c.want)
		}
	}
	var rows []string
	for i := range 100_001 {
		rows = append(rows, fmt.Sprintf(`fan{i="%d"} 0`, i))
	}
	if _, err := r.e.Try(t.Context(), &Trial{Expr: "fan == 0", Polls: r.reports(map[string][]string{"sw1": rows})}); err == nil || !strings.Contains(err.Error(), "fewer targets") {
		t.Error(err)
	}
}
