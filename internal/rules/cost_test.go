package rules

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"trapline/internal/rules/expression"
)

// Expressions that are too large are refused without parsing them.
func TestExpressionsAreBoundedBeforeTheyAreParsed(t *testing.T) {
	for name, test := range map[string]struct {
		expr string
		want string // "" where it may be parsed
	}{
		"usual":             {`sum by (target) (rate(ifHCInOctets{ifName=~"(Gi|Te)[0-9]{1,2}/0/[0-9]{1,2}"}[5m]) * 8) > 1e9 and on (target) up == 1`, ""},
		"addresses":         {`x{i=~"[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}"}`, ""},
		"many ors":          {"a" + strings.Repeat(" or a", 300), ""},
		"faulty":            {"a >", ""},
		"unterminated":      {`a{b="`, ""},
		"long":              {"a" + strings.Repeat(" or a", 2000), "octets"},
		"parentheses":       {strings.Repeat("(", 51) + "1", "within each other"},
		"mixed nesting":     {strings.Repeat("sum((", 26) + "1", "within each other"},
		"signs":             {strings.Repeat("-", 3000) + "1", "words and signs"},
		"powers":            {"1" + strings.Repeat("^1", 1500), "words and signs"},
		"one repetition":    {`a{b=~"` + strings.Repeat("x{1000}", 11) + `"}`, "instructions"},
		"many expressions":  {"a" + strings.Repeat(` or a{b=~"(x{100}y{100}){5}"}`, 20), "instructions"},
		"escaped":           {`a{b=~"` + strings.Repeat(`\\x{1000}`, 200) + `"}`, ""},
		"raw":               {"a{b=~`" + strings.Repeat(`(.{30}){30}`, 20) + "`}", "instructions"},
		"a comment":         {"# " + strings.Repeat("(", 1000) + "\na", ""},
		"not an expression": {`a{b="` + strings.Repeat("(", 1000) + `"}`, ""},
	} {
		err := CheckText(test.expr)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestCostOfExpressions(t *testing.T) {
	day := CostOptions{Span: 24 * time.Hour, Step: time.Minute}
	for expr, test := range map[string]struct {
		options CostOptions
		want    string
	}{
		"rate(a[5m])":                                      {want: ""},
		"max_over_time(rate(a[5m])[1d:1m])":                {want: ""},
		"quantile_over_time(0.9, a[1d])":                   {day, ""},
		`label_replace(a, "b", "$1-$2", "c", "(.*):(.*)")`: {day, ""},
		`label_join(a, "b", "-", "c", "d", "e")`:           {day, ""},
		"max_over_time((vector(1))[1000d:1s])":             {want: "evaluated 86400001 times"},
		"a[30d:1s]":                                        {want: "evaluated"},
		"max_over_time(a[1m:1ms]) + 1":                     {day, "evaluated"},
		"max_over_time(max_over_time(max_over_time(vector(1)[1d:1s])[1d:1s])[1d:1s])": {want: "evaluated"},
		"max_over_time(max_over_time(vector(1)[1h:1ms])[292y:292y])":                  {want: "evaluated"},
		"max_over_time(max_over_time(vector(1)[10h:1s])[10h:1s])":                     {want: "samples are read"},
		"max_over_time(a[100d])":                                              {day, "samples are read"},
		"quantile_over_time(0.9, a[10d])":                                     {CostOptions{Span: 24 * time.Hour, Step: time.Minute, Interval: time.Second}, "samples are read"},
		"max_over_time(a[101d])":                                              {CostOptions{Span: 24 * time.Hour, Step: time.Minute, Retention: time.Hour}, ""},
		nested(`label_join(%s, "b", "", "b", "b")`, "a", 6):                   {want: "lengthen"},
		nested(`label_replace(%s, "b", "$1$1", "b", "(.*)")`, "a", 6):         {want: "lengthen"},
		`label_join(a, "b", "", "` + strings.Repeat(`b","`, 20) + `b")`:       {want: "lengthen"},
		`count_values("` + strings.Repeat("b", 2000) + `", a)`:                {want: "lengthen"},
		`label_replace(a, "` + strings.Repeat("b", 2000) + `", "x", "b", "")`: {want: "lengthen"},
	} {
		parsed, err := expression.Parser.ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		err = newCost(parsed, test.options).err()
		want := strings.Replace(test.want, "lengthen", "make labels", 1)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: %v, want %q", expr, err, want)
		}
	}
}

func nested(outer, inner string, n int) string {
	for range n {
		inner = fmt.Sprintf(outer, inner)
	}
	return inner
}

// The engine never reads more samples of a series than newCost estimates.
func TestCostBoundsWhatIsRead(t *testing.T) {
	r := start(t, hot)
	for range 20 {
		r.warm()
	}
	s := r.e.queryEngine.Load()
	ranges, steps := []string{"1m", "7m", "1h"}, []string{"1s", "13s", "1m", ""}
	pick := func(list []string) string { return list[rand.IntN(len(list))] }
	var vector func(depth int) string
	vector = func(depth int) string {
		switch n := rand.IntN(7); {
		case depth == 0 || n == 0:
			return pick([]string{"temperature", "vector(1)", "temperature offset 1m", "temperature @ end()"})
		case n < 3:
			return pick([]string{"max_over_time", "rate"}) + "(temperature[" + pick(ranges) + "])"
		case n < 5:
			return "max_over_time(" + vector(depth-1) + "[" + pick(ranges) + ":" + pick(steps) + "])"
		case n < 6:
			return "sum(" + vector(depth-1) + ")"
		}
		return "(" + vector(depth-1) + " + on() group_left() " + vector(depth-1) + ")"
	}
	accepted, total := 0, int64(0)
	for range 300 {
		text := vector(3)
		o := CostOptions{Span: time.Duration(rand.IntN(60)) * time.Minute, Step: time.Duration(1+rand.IntN(100)) * time.Second, Interval: 30 * time.Second}
		expr, err := expression.Parser.ParseExpr(text)
		r.must(err)
		c := newCost(expr, o)
		if c.err() != nil || c.points > 1e6 {
			continue
		}
		accepted++
		end := r.e.now()
		q, err := newLimitedEngine(s.lookback, c.maxSeries()).NewRangeQuery(t.Context(), s.store.samples, nil, text, end.Add(-o.Span), end, o.Step)
		r.must(err)
		if found := q.Exec(t.Context()); found.Err != nil && !strings.Contains(found.Err.Error(), "duplicate") && !strings.Contains(found.Err.Error(), "many-to-many") {
			t.Errorf("%s: %v", text, found.Err)
		}
		read := q.Stats().Samples.SamplesRead
		if total += read; float64(read) > c.points {
			t.Errorf("%s, %+v: %d samples were read, want at most %g", text, o, read, c.points)
		}
		q.Close()
	}
	if accepted < 50 || total == 0 {
		t.Errorf("only %d expressions were within bounds, and read %d samples", accepted, total)
	}
}

// Queries that strangers may ask end at once: with an answer, or with one that says which bound they are over.
func TestHostileQueries(t *testing.T) {
	r := start(t, hot)
	r.warm()
	mux := http.NewServeMux()
	r.e.Register(mux)
	ask := func(path string, form url.Values) (int, string) {
		w := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		mux.ServeHTTP(w, request)
		return w.Code, w.Body.String()
	}
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		for _, expr := range []string{strings.Repeat("(", n) + "1" + strings.Repeat(")", n), strings.Repeat("-", n) + "1", "1" + strings.Repeat("+1", n), "1" + strings.Repeat("^1", n)} {
			if code, text := ask("/api/v1/query", url.Values{"query": {expr}}); code != http.StatusBadRequest || !strings.Contains(text, "8192 are the most") {
				t.Errorf("%.10s of %d octets: %d %.200s", expr, len(expr), code, text)
			}
		}
	}
	for expr, want := range map[string]int{
		`count({__name__=~".+"})`:                                                     200,
		`{__name__=~".+"} * on() group_left {__name__=~".+"}`:                         200,
		"max_over_time((vector(1))[1000d:1s])":                                        400,
		"max_over_time(max_over_time(max_over_time(vector(1)[1d:1s])[1d:1s])[1d:1s])": 400,
		`{__name__=~"x` + strings.Repeat("(a*)*", 500) + `"}`:                         200,
		`{__name__=~"` + strings.Repeat("(a{1000})", 800) + `"}`:                      400,
		"-" + strings.Repeat("-", 1990) + "1":                                         200,
		"1" + strings.Repeat("^1", 990):                                               200,
		strings.Repeat("sum(", 50) + "temperature" + strings.Repeat(")", 50):          200,
		nested(`label_join(%s, "i", "", "i", "i")`, "temperature", 20):                400,
	} {
		if code, text := ask("/api/v1/query", url.Values{"query": {expr}}); code != want && (code != 422 || want != 200) {
			t.Errorf("%.60s: %d %.200s, want %d", expr, code, text, want)
		}
	}
	many := url.Values{"query": {`count_over_time({__name__=~".+"}[5m:1s])`}, "start": {"1767225660"}, "end": {"1767236660"}, "step": {"1"}}
	if code, text := ask("/api/v1/query_range", many); code != 200 {
		t.Errorf("a range: %d %.200s", code, text)
	}
}
