package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"

	"trapline/internal/rules/expression"
	"trapline/internal/setting"
)

// Problem is an error in a rule file.
type Problem struct {
	File string
	Line int // from 1; 0 if it is in no particular line
	Text string
}

func (m Problem) Error() string {
	if m.Line == 0 {
		return m.File + ": " + m.Text
	}
	return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Text)
}

// Load reads rule files. Groups of valid files are returned together with the problems of others.
func Load(files []string) (*Set, []Problem) {
	var groups []*Group
	var problems []Problem
	var doubts []Finding
	for _, file := range files {
		content, err := setting.ReadFile(file, setting.MaxFile)
		if reason := errors.Unwrap(err); reason != nil {
			problems = append(problems, Problem{File: file, Text: "cannot be read: " + reason.Error()})
			continue
		}
		more, found, doubtful := Parse(file, content)
		groups, problems, doubts = append(groups, more...), append(problems, found...), append(doubts, doubtful...)
	}
	s := NewSet(groups)
	s.warnings = doubts
	return s, problems
}

// NewSet returns a set of groups. It sets the UID of each rule, and determines the global ones.
func NewSet(groups []*Group) *Set {
	s := &Set{Groups: groups}
	s.identify()
	s.separate()
	for _, r := range s.Rules() {
		if r.Baseline && r.Global == "" {
			s.baselines = append(s.baselines, r)
		}
	}
	s.Selectors = newSelectors(s.Rules())
	return s
}

// With returns the set with more groups.
func (s *Set) With(more ...*Group) *Set {
	next := NewSet(slices.Concat(s.Groups, more))
	next.warnings = s.warnings
	return next
}

// ruleFile is a rule file with the places of its parts.
type ruleFile struct {
	file     string
	groups   []*yaml.Node // each a mapping
	problems []Problem
	warnings []Finding // of valid files
}

// Parse parses the content of a rule file. Warnings are about valid rules.
func Parse(file string, content []byte) (groups []*Group, problems []Problem, doubts []Finding) {
	f := &ruleFile{file: file}
	silent := slog.New(slog.DiscardHandler)
	f.read(content)
	if len(f.problems) > 0 {
		return nil, f.problems, f.warnings
	}
	parsed, errs := rulefmt.Parse(content, false, nameValidation, expression.Parser, silent)
	for _, err := range errs {
		f.addError(err)
	}
	if parsed == nil {
		return nil, f.problems, f.warnings
	}
	if len(parsed.Groups) == 0 && len(f.problems) == 0 {
		f.warn(1, "no groups: write the rules under groups, each group with a name")
	}
	for i := range parsed.Groups {
		n := &yaml.Node{} // of no line, where the file has its groups by a merge
		if i < len(f.groups) {
			n = resolved(f.groups[i])
		}
		groups = append(groups, f.group(&parsed.Groups[i], n))
	}
	return groups, f.problems, f.warnings
}

// read finds the groups. A second document is not read, as by Prometheus.
func (f *ruleFile) read(content []byte) {
	d := yaml.NewDecoder(bytes.NewReader(content))
	var first, second yaml.Node
	if d.Decode(&first) != nil || len(first.Content) == 0 {
		return // which is among Prometheus' complaints
	}
	if groups := valueOf(first.Content[0], "groups"); groups != nil {
		f.groups = groups.Content
	} else if key := keyOfConfiguration(first.Content[0]); key != nil {
		f.problem(key.Line, "this is a configuration (it has %s), not a rule file: check it with \"trapline check %s\"", key.Value, f.file)
		return
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		f.warn(second.Line, "a second document starts here and is not read, as by Prometheus: put it into a file of its own")
	}
}

// configurationKeys are some at the top of a configuration.
var configurationKeys = []string{"auths", "modules", "targets", "receivers", "rule_files", "thresholds", "global", "notifications"}

// keyOfConfiguration finds one in a mapping.
func keyOfConfiguration(n *yaml.Node) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if slices.Contains(configurationKeys, n.Content[i].Value) {
			return n.Content[i]
		}
	}
	return nil
}

// resolved returns the node that an alias refers to.
func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// valueOf returns the value of a key of a mapping, or nil.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	n = resolved(n)
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolved(n.Content[i+1])
		}
	}
	return nil
}

// ruleLine returns the line of a rule in its group.
func ruleLine(group *yaml.Node, i int) int {
	if rules := valueOf(group, "rules"); rules != nil && i >= 0 && i < len(rules.Content) {
		return rules.Content[i].Line
	}
	return group.Line
}

func (f *ruleFile) problem(line int, format string, args ...any) {
	if m := (Problem{File: f.file, Line: line, Text: fmt.Sprintf(format, args...)}); !slices.Contains(f.problems, m) {
		f.problems = append(f.problems, m)
	}
}

func (f *ruleFile) warn(line int, format string, args ...any) {
	f.warnings = append(f.warnings, Finding{File: f.file, Line: line, Level: LevelWarning, Text: fmt.Sprintf(format, args...)})
}

var (
	placed     = regexp.MustCompile(`^(\d+):\d+: (?:\d+:\d+: )?`)
	yamlPlaced = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)
	unknownKey = regexp.MustCompile(`^field (.+) not found in type rulefmt\.(\w+)$`)
	typeName   = regexp.MustCompile(` (?:in|into) (?:type )?(?:rulefmt\.|\[\]rulefmt\.|model\.)\w+$`)
)

// addError adds an error of Prometheus' parser, with its line.
func (f *ruleFile) addError(err error) {
	if several := (*yaml.TypeError)(nil); errors.As(err, &several) {
		for _, text := range several.Errors {
			f.addError(errors.New(text))
		}
		return
	}
	text, line := err.Error(), 0
	if m := placed.FindStringSubmatch(text); m != nil {
		line, text = atoi(m[1]), text[len(m[0]):]
	} else if m := yamlPlaced.FindStringSubmatch(text); m != nil {
		line, text = atoi(m[1]), text[len(m[0]):]
		if key := unknownKey.FindStringSubmatch(text); key != nil {
			text = adviceOnKey(key[1], keysOf[key[2]])
		}
		text = typeName.ReplaceAllString(text, "")
	} else if inRule := (*rulefmt.Error)(nil); errors.As(err, &inRule) {
		line = f.lineOf(inRule.Group, inRule.Rule-1)
	}
	f.problem(line, "%s", text)
}

// keysOf are the keys of Prometheus' types.
var keysOf = map[string][]string{
	"RuleGroups": yamlKeys[rulefmt.RuleGroups](), "RuleGroup": yamlKeys[rulefmt.RuleGroup](), "Rule": yamlKeys[rulefmt.Rule](),
}

func yamlKeys[T any]() (keys []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		keys = append(keys, key)
	}
	return keys
}

// adviceOnKey returns the text for an unknown key.
func adviceOnKey(key string, known []string) string {
	if question := setting.DidYouMean(key, known); question != "" {
		return fmt.Sprintf("unknown key %.40q: %s", key, question)
	}
	return fmt.Sprintf("unknown key %.40q: the keys there are %s", key, strings.Join(known, ", "))
}

func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// lineOf returns the line of a rule by its group and its index in it.
func (f *ruleFile) lineOf(group string, i int) int {
	for _, g := range f.groups {
		if name := valueOf(g, "name"); name != nil && name.Value == group {
			return ruleLine(g, i)
		}
	}
	return 0
}

// group returns a group. Its limit is ignored: once it is exceeded, Prometheus deletes every alert of the rule, and
// these would be cleared.
func (f *ruleFile) group(parsed *rulefmt.RuleGroup, n *yaml.Node) *Group {
	if parsed.Limit != 0 {
		line := n.Line
		if limit := valueOf(n, "limit"); limit != nil {
			line = limit.Line
		}
		f.warn(line, "group %q: limit is ignored: no alert is dropped because there are many", parsed.Name)
	}
	g := &Group{File: f.file, Line: n.Line, Name: parsed.Name, Interval: time.Duration(parsed.Interval)}
	if parsed.QueryOffset != nil {
		g.Offset = time.Duration(*parsed.QueryOffset)
	}
	for i := range parsed.Rules {
		if r := newRule(g, &parsed.Rules[i], parsed.Labels); r != nil {
			r.Line = ruleLine(n, i)
			g.Rules = append(g.Rules, r)
		}
	}
	return g
}

// newRule returns a rule, or nil if its expression cannot be parsed, which is reported elsewhere.
func newRule(g *Group, r *rulefmt.Rule, common map[string]string) *Rule {
	expr, err := expression.Parser.ParseExpr(r.Expr)
	if err != nil {
		return nil
	}
	labels := maps.Clone(common)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, r.Labels)
	severity, others := cutSeverity(labels)
	rule := &Rule{
		query: expression.ClockCallsOf(expr.String()), labels: textsOf(others), severity: severity, annotations: textsOf(r.Annotations),
		Group: g, Record: r.Record, Alert: r.Alert, Text: strings.TrimSpace(r.Expr), Expr: expr,
		For: time.Duration(r.For), KeepFiringFor: time.Duration(r.KeepFiringFor), Labels: labels, Annotations: r.Annotations,
	}
	if r.Alert != "" {
		rule.setBaseline(r.Annotations[baselineAnnotation])
	}
	return rule
}

// identify sets the UID of each rule. Neither the expression nor the file is part of it: a threshold may change, and a
// file be moved, without the alarm becoming another. Rules of one name are distinguished by their labels, and if these
// are equal by their order.
func (s *Set) identify() {
	sameName, sameUID := map[string]int{}, map[string]int{}
	for _, r := range s.Rules() {
		sameName[r.Group.Name+"/"+r.Name()]++
	}
	for _, r := range s.Rules() {
		r.UID = r.Group.Name + "/" + r.Name()
		if sameName[r.UID] > 1 {
			r.UID += labelText(r.Labels)
		}
		sameUID[r.UID]++
		if n := sameUID[r.UID]; n > 1 {
			r.UID += fmt.Sprintf("#%d", n)
		}
	}
}

func labelText(labels map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, name+"="+strconv.Quote(labels[name]))
	}
	return "{" + strings.Join(pairs, ",") + "}"
}
