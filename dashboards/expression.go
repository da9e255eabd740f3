package dashboards

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Expression is a PromQL expression of a dashboard with all variables replaced.
type Expression struct {
	Place   string // the title of the panel, or the name of the variable or annotation
	Text    string
	Instant bool
	// Optional reports whether the result may be empty: for annotations, for panels with a text for
	// no value, and in collapsed rows, because not every device has those metrics.
	Optional  bool
	Collapsed bool
}

// Expressions returns all expressions of a dashboard as Grafana would send them. values replaces
// variables by name: instance, interface, __rate_interval and so on. The query of a template
// variable becomes a group by its label. A variable without a value is an error.
func Expressions(dashboard []byte, values map[string]string) ([]Expression, error) {
	var d struct {
		Annotations list[annotation] `json:"annotations"`
		Templating  struct {
			List []struct {
				Name, Type, Definition string
			} `json:"list"`
		} `json:"templating"`
		Panels []Panel `json:"panels"`
	}
	if err := json.Unmarshal(dashboard, &d); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	var found []Expression
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			found = append(found, Expression{Place: "$" + v.Name, Text: labelQuery(v.Definition), Instant: true})
		}
	}
	for _, a := range d.Annotations.List {
		found = append(found, Expression{Place: a.Name, Text: a.Expr, Optional: true})
	}
	for _, p := range d.Panels {
		panels, collapsed := []Panel{p}, false
		if p.Row != nil {
			panels, collapsed = p.Panels, true
		}
		for _, p := range panels {
			optional := p.FieldConfig != nil && p.FieldConfig.Defaults.NoValue != ""
			for _, t := range p.Targets {
				found = append(found, Expression{Place: p.Title, Text: t.Expr, Instant: t.Instant, Optional: optional || collapsed, Collapsed: collapsed})
			}
		}
	}
	for i := range found {
		text, err := substitute(found[i].Text, values)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", found[i].Place, err)
		}
		found[i].Text = text
	}
	return found, nil
}

var labelValuesCall = regexp.MustCompile(`^label_values\((.+), *(\$?\w+)\)$`)

// labelQuery returns the PromQL for Grafana's label_values(selector, label).
func labelQuery(query string) string {
	return labelValuesCall.ReplaceAllString(query, "group by (${2}) (${1})")
}

var reference = regexp.MustCompile(`\$(\w+)|\$\{(\w+)(?::\w+)?\}`)

func substitute(text string, values map[string]string) (string, error) {
	var unknown []string
	text = reference.ReplaceAllStringFunc(text, func(ref string) string {
		name, _, _ := strings.Cut(strings.Trim(ref, "${}"), ":")
		if strings.Trim(name, "0123456789") == "" {
			return ref // a group of label_replace
		}
		value, found := values[name]
		if !found {
			unknown = append(unknown, name)
		}
		return value
	})
	if len(unknown) > 0 {
		return "", fmt.Errorf("no value for %s", strings.Join(unknown, ", "))
	}
	return text, nil
}
