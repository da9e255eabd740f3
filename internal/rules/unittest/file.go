// Package unittest runs unit tests of rule files, in the format of `promtool test rules`. Beyond that format, exp_traps
// are the notifications that receivers must be sent.
package unittest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"go.yaml.in/yaml/v3"

	"trapline/internal/setting"
)

// file is a test file.
type file struct {
	RuleFiles          []string       `yaml:"rule_files"` // globs, relative to the file
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	GroupEvalOrder     []string       `yaml:"group_eval_order"`
	FuzzyCompare       bool           `yaml:"fuzzy_compare"`
	Tests              []test         `yaml:"tests"`

	name string
}

// test is an entry of tests: series, and the expected results of rules.
type test struct {
	At             place          `yaml:",inline"`
	Name           string         `yaml:"name"`
	Interval       model.Duration `yaml:"interval"` // between the samples of InputSeries
	StartTimestamp timestamp      `yaml:"start_timestamp"`
	InputSeries    []inputSeries  `yaml:"input_series"`
	ExternalLabels labels.Labels  `yaml:"external_labels"`
	ExternalURL    string         `yaml:"external_url"`
	AlertRuleTests []alertTest    `yaml:"alert_rule_test"`
	ExprTests      []exprTest     `yaml:"promql_expr_test"`
	TrapTests      []trapTest     `yaml:"exp_traps"` // which promtool does not know: see readTraps
}

type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

// alertTest is the expected alerts of a name at a time.
type alertTest struct {
	At        place           `yaml:",inline"`
	EvalTime  model.Duration  `yaml:"eval_time"`
	Alertname string          `yaml:"alertname"`
	ExpAlerts []expectedAlert `yaml:"exp_alerts"`
}

type expectedAlert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// exprTest is the expected result of an expression at a time.
type exprTest struct {
	At         place            `yaml:",inline"`
	Expr       string           `yaml:"expr"`
	EvalTime   model.Duration   `yaml:"eval_time"`
	ExpSamples []expectedSample `yaml:"exp_samples"`
}

type expectedSample struct {
	Labels    string  `yaml:"labels"`
	Value     float64 `yaml:"value"`
	Histogram string  `yaml:"histogram"` // takes the place of Value
}

// place is a position in the file.
type place struct{ line int }

// UnmarshalYAML notes the line. Other fields beside it are decoded strictly all the same.
func (p *place) UnmarshalYAML(n *yaml.Node) error {
	p.line = n.Line
	return nil
}

// timestamp is seconds since 1970, or a time as RFC 3339 has it.
type timestamp struct{ time.Time }

// UnmarshalYAML parses either format.
func (t *timestamp) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		integer, fraction := math.Modf(seconds)
		t.Time = time.Unix(int64(integer), int64(fraction*1e9)).UTC()
		return nil
	}
	var err error
	if t.Time, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return fmt.Errorf("start_timestamp %q: write seconds since 1970, or a time such as 2026-01-31T12:00:00Z", text)
	}
	return nil
}

// start returns the beginning of the test: 1970 by default.
func (t *test) start() time.Time {
	if t.StartTimestamp.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t.StartTimestamp.Time
}

// read reads a test file, and finds its rule files.
func read(name string) (*file, error) {
	content, err := setting.ReadFile(name, setting.MaxFile)
	if err != nil {
		return nil, err
	}
	f := &file{name: name}
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	if err := d.Decode(f); err != nil && !errors.Is(err, io.EOF) {
		return nil, withPlaces(name, err)
	}
	if f.EvaluationInterval == 0 {
		f.EvaluationInterval = model.Duration(time.Minute)
	}
	for i, group := range f.GroupEvalOrder {
		if slices.Contains(f.GroupEvalOrder[:i], group) {
			return nil, fmt.Errorf("%s: group_eval_order has %q twice", name, group)
		}
	}
	for i := range f.Tests {
		t := &f.Tests[i]
		if t.Interval == 0 {
			t.Interval = f.EvaluationInterval
		}
		if t.Name == "" {
			t.Name = fmt.Sprintf("unnamed#%d", i)
		}
	}
	if err := f.readTraps(d); err != nil {
		return nil, withPlaces(name, err)
	}
	return f, f.findRules()
}

// problem matches an error of the YAML library.
var problem = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*?)(?: in(?:to)? (?:type )?\S*\.\S+)?$`)

// withPlaces returns the errors of a file, each with its line.
func withPlaces(name string, err error) error {
	texts := []string{err.Error()}
	if several := (*yaml.TypeError)(nil); errors.As(err, &several) {
		texts = several.Errors
	}
	var list []error
	for _, text := range texts {
		if m := problem.FindStringSubmatch(text); m != nil {
			list = append(list, fmt.Errorf("%s:%s: %s", name, m[1], m[2]))
		} else {
			list = append(list, fmt.Errorf("%s: %s", name, text))
		}
	}
	return errors.Join(list...)
}

func (f *file) findRules() error {
	var found []string
	for _, pattern := range f.RuleFiles {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(f.name), pattern)
		}
		matches, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("%s: rule_files: %s: %w", f.name, pattern, err)
		}
		if len(matches) == 0 {
			return fmt.Errorf("%s: rule_files: no file matches %s", f.name, pattern)
		}
		found = append(found, matches...)
	}
	f.RuleFiles = found
	return nil
}
