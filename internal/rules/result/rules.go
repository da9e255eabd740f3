package result

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// Alert is an alert as Prometheus' API has it.
type Alert struct {
	Labels          labels.Labels `json:"labels"`
	Annotations     labels.Labels `json:"annotations"`
	State           string        `json:"state"`
	ActiveAt        time.Time     `json:"activeAt"`
	KeepFiringSince time.Time     `json:"keepFiringSince,omitzero"`
	Value           string        `json:"value"`
}

// Group is a group of rules as Prometheus' API has it.
type Group struct {
	Name     string  `json:"name"`
	File     string  `json:"file"`
	Rules    []Rule  `json:"rules"`
	Interval float64 `json:"interval"`
	Limit    int     `json:"limit"`
}

// Rule is a rule as Prometheus' API has it.
type Rule struct {
	State          string            `json:"state,omitempty"`
	Name           string            `json:"name"`
	Query          string            `json:"query"`
	Duration       *float64          `json:"duration,omitempty"`
	KeepFiringFor  *float64          `json:"keepFiringFor,omitempty"`
	Labels         map[string]string `json:"labels"`
	Annotations    map[string]string `json:"annotations,omitempty"`
	Alerts         []Alert           `json:"alerts,omitempty"`
	Health         string            `json:"health"`
	LastError      string            `json:"lastError,omitempty"`
	EvaluationTime float64           `json:"evaluationTime"`
	LastEvaluation time.Time         `json:"lastEvaluation"`
	Type           string            `json:"type"`
	Global         string            `json:"global,omitempty"` // why it is evaluated over all targets at once
}

// The states of an alerting rule.
const (
	Inactive = "inactive"
	Pending  = "pending"
	Firing   = "firing"
)

// The health of a rule.
const (
	Unknown = "unknown"
	OK      = "ok"
	Failing = "err"
)

// Rules has the rules of a process.
type Rules interface{ RuleGroups() []Group }

// Others are the other members of a cluster.
type Others interface {
	// Each reads the answers to a path, several at once. A member whose answer cannot be read does not answer.
	Each(path string, read func([]byte) error)
	Warnings() []string // which members do not answer
}

// Serve adds the paths of Prometheus' API for rules and alerts. others is nil for a process that answers alone.
func Serve(mux *http.ServeMux, own Rules, others Others) {
	all := func() ([]Group, []string) {
		groups := own.RuleGroups()
		if others == nil {
			return groups, nil
		}
		var mu sync.Mutex
		others.Each("/api/v1/rules", func(text []byte) error {
			var answer struct{ Data struct{ Groups []Group } }
			if err := json.Unmarshal(text, &answer); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			merge(groups, answer.Data.Groups)
			return nil
		})
		return groups, others.Warnings()
	}
	mux.HandleFunc("GET /api/v1/rules", func(w http.ResponseWriter, r *http.Request) {
		groups, warnings := all()
		only(groups, r.FormValue("type"))
		WriteData(w, "groups", groups, warnings)
	})
	mux.HandleFunc("GET /api/v1/alerts", func(w http.ResponseWriter, _ *http.Request) {
		groups, warnings := all()
		list := []Alert{}
		for _, g := range groups {
			for i := range g.Rules {
				list = append(list, g.Rules[i].Alerts...)
			}
		}
		slices.SortStableFunc(list, byLabels)
		WriteData(w, "alerts", list, warnings)
	})
}

// only leaves out the rules of another type.
func only(groups []Group, kind string) {
	for i := range groups {
		groups[i].Rules = slices.DeleteFunc(groups[i].Rules, func(r Rule) bool { return !strings.HasPrefix(r.Type, kind) })
	}
}

func byLabels(a, b Alert) int { return labels.Compare(a.Labels, b.Labels) }

// merge adds the states of the same rules on another member.
func merge(to, from []Group) {
	for i := range from {
		at := slices.IndexFunc(to, func(g Group) bool { return g.Name == from[i].Name && g.File == from[i].File })
		if at < 0 {
			continue
		}
		added := map[int]bool{} // rules may be alike
		for j := range from[i].Rules {
			r := &from[i].Rules[j]
			for k := range to[at].Rules {
				if one := &to[at].Rules[k]; !added[k] && one.is(r) {
					added[k] = true
					one.add(r)
					break
				}
			}
		}
	}
}

// is reports whether a rule is the same on another member.
func (r *Rule) is(other *Rule) bool {
	return r.Name == other.Name && r.Query == other.Query && r.Type == other.Type && maps.Equal(r.Labels, other.Labels)
}

// add adds the state of the rule for the targets of another member. An alert whose target moves may be with both.
func (r *Rule) add(part *Rule) {
	r.Alerts = append(slices.Clip(r.Alerts), part.Alerts...)
	slices.SortStableFunc(r.Alerts, byLabels)
	r.Alerts = slices.CompactFunc(r.Alerts, func(a, b Alert) bool { return labels.Equal(a.Labels, b.Labels) })
	r.EvaluationTime += part.EvaluationTime
	if part.LastEvaluation.After(r.LastEvaluation) {
		r.LastEvaluation = part.LastEvaluation
	}
	if r.Health == Unknown || part.Health == Failing {
		r.Health, r.LastError = part.Health, part.LastError
	}
	if r.State != Firing && part.State != Inactive {
		r.State = part.State
	}
}

// WriteData writes a list, element by element, as Prometheus' API does.
func WriteData[T any](w http.ResponseWriter, name string, list []T, warnings []string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"data":{%q:`, name)
	WriteList(w, len(list), func(b []byte, i int) []byte {
		text, _ := json.Marshal(&list[i]) // which is always possible
		return append(b, text...)
	})
	fmt.Fprint(w, `},"status":"success"`)
	writeWarnings(w, warnings)
	fmt.Fprintln(w, `}`)
}

func writeWarnings(w http.ResponseWriter, warnings []string) {
	if len(warnings) > 0 {
		text, _ := json.Marshal(warnings) // which is always possible
		fmt.Fprintf(w, `,"warnings":%s`, text)
	}
}

// WriteError answers a request that cannot be served, as Prometheus' API does.
func WriteError(w http.ResponseWriter, code int, kind string, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": "error", "errorType": kind, "error": err.Error()})
}
