package rules

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/poller"
	"trapline/internal/rules/fleet"
	"trapline/internal/rules/result"
	"trapline/internal/series"
)

// everybody are the other members of a site, as result.Others.
type everybody struct{ *peer }

func (e everybody) Each(path string, read func([]byte) error) {
	for _, o := range e.members {
		if o == e.peer || o.silent {
			continue
		}
		mux := http.NewServeMux()
		result.Serve(mux, o.e, nil)
		if err := read([]byte(asked(mux, path))); err != nil {
			e.Error(err)
		}
	}
}

func (e everybody) Warnings() (list []string) {
	for _, o := range e.members {
		if o.silent {
			list = append(list, "member "+o.name+" does not answer")
		}
	}
	return list
}

func asked(h http.Handler, path string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Body.String()
}

// ask asks a member as anybody may. The series of the answer are sorted, and times that evaluations took are left out.
func (p *peer) ask(path string) string {
	p.Helper()
	mux := http.NewServeMux()
	result.Serve(mux, p.e, everybody{p})
	p.e.Register(mux)
	var answer any
	if err := json.Unmarshal([]byte(asked(mux, path)), &answer); err != nil {
		p.Fatal(err)
	}
	text, err := json.MarshalIndent(arranged(answer), "", " ")
	if err != nil {
		p.Fatal(err)
	}
	return string(text)
}

func arranged(value any) any {
	switch value := value.(type) {
	case map[string]any:
		delete(value, "evaluationTime")
		for name, one := range value {
			value[name] = arranged(one)
		}
	case []any:
		for i := range value {
			value[i] = arranged(value[i])
		}
		if len(value) > 0 {
			if one, _ := value[0].(map[string]any); one["metric"] != nil {
				slices.SortFunc(value, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
		}
	}
	return value
}

// last is the last poll of each target of a site.
type last map[string]poller.Report

func (l last) of(p *peer) (list []poller.Report) {
	for _, t := range p.all {
		if r, polled := l[t.Name]; polled && p.own[shardOf(t.Name)] {
			list = append(list, r)
		}
	}
	return list
}

// tryEverywhere tries an expression on a member, with the parts of the others as they are sent.
func (p *peer) tryEverywhere(expr string, polls last) string {
	p.Helper()
	found, err := p.e.Try(p.Context(), &Trial{Expr: expr, Polls: polls.of(p), Others: func() (parts []*fleet.Tried, err error) {
		for _, o := range p.members {
			if o == p || o.silent {
				continue
			}
			part, err := o.e.Tried(&Trial{Expr: expr, Polls: polls.of(o)})
			if err != nil {
				return nil, err
			}
			text, err := json.Marshal(part)
			var read fleet.Tried
			if err == nil {
				err = json.Unmarshal(text, &read)
			}
			if err != nil {
				p.Fatal(err)
			}
			parts = append(parts, &read)
		}
		return parts, nil
	}})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%+v", *found)
}

// Whichever member is asked, rules, alerts, queries and trials of expressions have the answer of one process that polls all
// targets: those are split at random, and move.
func TestAnswersOfAllMembersAreThoseOfOneProcess(t *testing.T) {
	const text = `{alert: Hot, expr: v > 60, for: 30s}, {alert: Low, expr: v < 20, labels: {severity: major}}, {record: twice, expr: 2 * v},
		{alert: Sum, expr: sum(v) > 100}, {record: most, expr: max(v)}`
	exprs := []string{"v", "v > 50", "sum(v)", `count by (i) (v{target!="sw2"})`, "avg_over_time(v[3m])", "twice offset 1m", "most", "ALERTS", "sum(rate(c_total[2m]))", `topk(2, v)`, "v unless twice > 80", "absent(nothing)", "w > 30", "count(w)",
		"max_over_time(sum(v)[3m:30s])", "v @ start()", "v >"}
	names := []string{"sw1", "sw2", "sw3", "sw4", "sw5"}
	compared, filled := 0, 0
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 22))
		s, one := startSite(t, 3, text, names...), startSite(t, 1, text, names...)
		one.now = s.now
		for _, shard := range []string{"", "sw1", "sw2", "sw3", "sw4", "sw5"} {
			s.members[rng.IntN(3)].take(shardOf(shard), time.Time{})
			one.members[0].take(shardOf(shard), time.Time{})
		}
		moves := seed%2 == 1 // of which only the window of rules comes along
		polls := last{}
		step := func(most int) {
			for _, each := range []*site{s, one} {
				each.now = each.now.Add(pollTime - time.Second)
			}
			for _, name := range names {
				var rows []string
				for i := range 1 + rng.IntN(2) {
					rows = append(rows, fmt.Sprintf(`v{i="%d"} %d`, i, rng.IntN(most)), fmt.Sprintf(`c_total{i="%d"} %d`, i, s.now.Unix()), fmt.Sprintf(`w{i="%d"} %d`, i, rng.IntN(50)))
				}
				at := slices.IndexFunc(s.targets, func(t *poller.Target) bool { return t.Name == name })
				polls[name] = poller.Report{Target: s.targets[at], Last: &poller.Pass{Start: s.now, Up: true, Sets: []*series.Set{setOf(t, rows...)}}, Health: setOf(t, "trapline_target_up 1", "trapline_target_reboots_total 0")}
				s.poll(name, nil, rows...)
				one.poll(name, nil, rows...)
			}
			for _, each := range []*site{s, one} {
				each.now = each.now.Add(time.Second)
				each.judge()
			}
		}
		for range 6 { // rules wait for the first polls
			step(1)
		}
		for range 12 {
			step(100)
			if moves && rng.IntN(2) == 0 { // in an orderly way, between two polls
				shard := shardOf(names[rng.IntN(5)])
				if from, to := s.owner[shard], s.members[rng.IntN(3)]; from != to {
					from.drop(shard, false)
					to.take(shard, s.now)
				}
			}
		}
		step(100) // those that have moved are polled
		for _, each := range []*site{s, one} {
			each.now = each.now.Add(2 * time.Second)
		}
		paths := []string{"/api/v1/rules", "/api/v1/alerts", "/api/v1/rules?type=record", "/api/v1/rules?type=alert"}
		exprs := exprs
		if moves {
			exprs = exprs[:4]
		}
		for _, expr := range exprs {
			q := url.QueryEscape(expr)
			paths = append(paths, "/api/v1/query?query="+q)
			if moves {
				continue
			}
			paths = append(paths, fmt.Sprintf("/api/v1/query_range?query=%s&start=%d&end=%d&step=30", q, s.now.Add(-5*time.Minute).Unix(), s.now.Unix()))
		}
		for _, path := range paths {
			p := s.members[rng.IntN(3)]
			want := one.members[0].ask(path)
			if got := p.ask(path); got != want {
				t.Fatalf("seed %d, member %s: %s\n%s\nwant\n%s", seed, p.name, path, got, want)
			}
			compared++
			if len(want) > 200 {
				filled++
			}
		}
		for _, expr := range exprs {
			if moves || expr == "most" { // which began with the first whole round
				continue
			}
			p := s.members[rng.IntN(3)]
			want := one.members[0].tryEverywhere(expr, polls)
			if got := p.tryEverywhere(expr, polls); got != want {
				t.Fatalf("seed %d, member %s: try %s\n%s\nwant\n%s", seed, p.name, expr, got, want)
			}
		}
		s.members[1].silent = true
		for _, path := range []string{"/api/v1/rules", "/api/v1/alerts", "/api/v1/query?query=v"} {
			if got := s.members[0].ask(path); !strings.Contains(got, `"member B does not answer"`) {
				t.Errorf("%s, with a member silent: %s", path, got)
			}
		}
		s.events()
		one.events()
	}
	if filled < compared/3 {
		t.Errorf("%d of %d answers have something in them", filled, compared)
	}
}
