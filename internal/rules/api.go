package rules

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/rules/result"
	"trapline/internal/series"
)

// Register adds the paths of Prometheus' API for rules and alerts, and if queries is set, those for queries of the
// stored samples.
func (e *Evaluator) Register(mux *http.ServeMux, asks bool) {
	mux.HandleFunc("GET /api/v1/rules", e.serveRules)
	mux.HandleFunc("GET /api/v1/alerts", func(w http.ResponseWriter, _ *http.Request) {
		list := []alertAnswer{}
		for _, s := range e.statuses() {
			list = append(list, s.alerts...)
		}
		writeData(w, "alerts", list)
	})
	if asks {
		mux.HandleFunc("/api/v1/query", e.serveQuery)
		mux.HandleFunc("/api/v1/query_range", e.serveRange)
	}
}

// alertAnswer is an alert as Prometheus' API has it.
type alertAnswer struct {
	Labels          labels.Labels `json:"labels"`
	Annotations     labels.Labels `json:"annotations"`
	State           string        `json:"state"`
	ActiveAt        time.Time     `json:"activeAt"`
	KeepFiringSince time.Time     `json:"keepFiringSince,omitzero"`
	Value           string        `json:"value"`
}

// status is the state of a rule over all targets.
type status struct {
	alerts []alertAnswer
	err    error
	last   time.Time
	took   time.Duration
}

// statuses returns the status of each rule, by UID.
func (e *Evaluator) statuses() map[string]*status {
	list := map[string]*status{}
	for _, d := range e.allDevices() {
		shown := d.health.Load()
		if shown == nil {
			continue
		}
		for _, f := range *shown {
			s := list[f.uid]
			if s == nil {
				s = &status{}
				list[f.uid] = s
			}
			s.took += f.took
			if f.err != nil {
				s.err = f.err
			}
			if f.last.After(s.last) {
				s.last = f.last
			}
			for _, r := range f.alerts {
				s.alerts = append(s.alerts, alertAnswer{r.shown(), r.Annotations, stateWord(r.Firing), e.wall(r.ActiveAt), e.wall(r.KeepFiringSince), strconv.FormatFloat(float64(r.Value), 'e', -1, 64)})
			}
		}
	}
	for _, s := range list {
		s.last = e.wall(s.last)
		slices.SortFunc(s.alerts, func(a, b alertAnswer) int { return labels.Compare(a.Labels, b.Labels) })
	}
	return list
}

type groupAnswer struct {
	Name     string       `json:"name"`
	File     string       `json:"file"`
	Rules    []ruleAnswer `json:"rules"`
	Interval float64      `json:"interval"`
	Limit    int          `json:"limit"`
}

type ruleAnswer struct {
	State          string            `json:"state,omitempty"`
	Name           string            `json:"name"`
	Query          string            `json:"query"`
	Duration       *float64          `json:"duration,omitempty"`
	KeepFiringFor  *float64          `json:"keepFiringFor,omitempty"`
	Labels         map[string]string `json:"labels"`
	Annotations    map[string]string `json:"annotations,omitempty"`
	Alerts         []alertAnswer     `json:"alerts,omitempty"`
	Health         string            `json:"health"`
	LastError      string            `json:"lastError,omitempty"`
	EvaluationTime float64           `json:"evaluationTime"`
	LastEvaluation time.Time         `json:"lastEvaluation"`
	Type           string            `json:"type"`
	Global         string            `json:"global,omitempty"` // why it is evaluated over all targets at once
}

func (e *Evaluator) serveRules(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	set, usual := e.set, e.settings.interval()
	e.mu.Unlock()
	all := e.statuses()
	only := r.FormValue("type")
	groups := []groupAnswer{}
	for _, g := range set.Groups {
		answer := groupAnswer{Name: g.Name, File: g.File, Interval: cmp.Or(g.Interval, usual).Seconds(), Rules: []ruleAnswer{}}
		for _, rule := range g.Rules {
			if a := rule.answer(all[rule.UID]); only == "" || strings.HasPrefix(a.Type, only) {
				answer.Rules = append(answer.Rules, a)
			}
		}
		groups = append(groups, answer)
	}
	writeData(w, "groups", groups)
}

// answer returns the JSON of a rule. A status of nil means that the rule has no instances.
func (r *Rule) answer(s *status) ruleAnswer {
	a := ruleAnswer{Name: r.Name(), Query: r.Text, Labels: r.Labels, Annotations: r.Annotations, Health: "unknown", Type: "recording", Global: r.Global}
	if r.Alert != "" {
		hold, keep := r.For.Seconds(), r.KeepFiringFor.Seconds()
		a.Type, a.State, a.Duration, a.KeepFiringFor = "alerting", "inactive", &hold, &keep
	}
	if s == nil {
		return a
	}
	a.Alerts, a.EvaluationTime, a.LastEvaluation = s.alerts, s.took.Seconds(), s.last
	if a.Health = "ok"; s.err != nil {
		a.Health, a.LastError = "err", s.err.Error()
	}
	for _, one := range s.alerts {
		if a.State != "firing" {
			a.State = one.State
		}
	}
	return a
}

// writeData writes a list, element by element.
func writeData[T any](w http.ResponseWriter, name string, list []T) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"data":{%q:`, name)
	result.WriteList(w, len(list), func(b []byte, i int) []byte {
		text, _ := json.Marshal(&list[i]) // which is always possible
		return append(b, text...)
	})
	fmt.Fprintln(w, `},"status":"success"}`)
}

// writeError answers a request that cannot be served.
func writeError(w http.ResponseWriter, code int, kind string, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": "error", "errorType": kind, "error": err.Error()})
}

// Alerts returns the series ALERTS and ALERTS_FOR_STATE of Prometheus.
func (e *Evaluator) Alerts() series.Group {
	alerts := series.Column{Desc: &series.Desc{Name: alertsName, Help: "Alerts that are pending or firing."}, Table: &series.Table{}}
	since := series.Column{Desc: &series.Desc{Name: alertsForStateName, Help: "When the alert became pending."}, Table: &series.Table{}}
	for _, s := range e.statuses() {
		for _, a := range s.alerts {
			addSeries(&alerts, labels.NewBuilder(a.Labels).Set(alertState, a.State).Labels(), 1)
			addSeries(&since, a.Labels, float64(a.ActiveAt.Unix()))
		}
	}
	return series.Group{Sets: []*series.Set{{Columns: []series.Column{alerts, since}}}}
}

func addSeries(c *series.Column, of labels.Labels, v float64) {
	start := len(c.Table.Labels)
	of.Range(func(l labels.Label) {
		c.Table.Labels = series.AppendLabel(c.Table.Labels, start, series.LabelName(l.Name), []byte(l.Value))
	})
	c.Table.AddRow()
	c.Values = append(c.Values, v)
}
