// Package rulefile writes rules as a rule file of Prometheus.
package rulefile

import (
	"fmt"
	"io"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v3"

	"trapline/internal/rules"
)

// Write writes the wanted rules of a set. Comments have their UIDs, and whether they are global. It writes nothing if none
// is wanted.
func Write(w io.Writer, s *rules.Set, wanted func(*rules.Rule) bool) error {
	groups := &yaml.Node{Kind: yaml.SequenceNode}
	taken := map[string]bool{}
	for _, g := range s.Groups {
		n, err := groupNode(g, wanted, taken)
		if err != nil {
			return err
		}
		if n != nil {
			groups.Content = append(groups.Content, n)
		}
	}
	if len(groups.Content) == 0 {
		return nil
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(map[string]*yaml.Node{"groups": groups}); err != nil {
		return err
	}
	return e.Close()
}

// groupNode returns a group with its wanted rules, nil without any. Groups of several files may have the same name, which
// those of one file may not.
func groupNode(g *rules.Group, wanted func(*rules.Rule) bool, taken map[string]bool) (*yaml.Node, error) {
	head := rulefmt.RuleGroup{Name: g.Name, Interval: model.Duration(g.Interval)}
	if taken[g.Name] {
		head.Name += " of " + g.File
	}
	if g.Offset != 0 {
		offset := model.Duration(g.Offset)
		head.QueryOffset = &offset
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, r := range g.Rules {
		if !wanted(r) {
			continue
		}
		n, err := ruleNode(r)
		if err != nil {
			return nil, err
		}
		list.Content = append(list.Content, n)
	}
	if len(list.Content) == 0 {
		return nil, nil
	}
	n := &yaml.Node{}
	if err := n.Encode(head); err != nil {
		return nil, err
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == "rules" {
			n.Content[i+1] = list
		}
	}
	n.HeadComment = fmt.Sprintf("%s:%d", g.File, g.Line)
	taken[head.Name] = true
	return n, nil
}

func ruleNode(r *rules.Rule) (*yaml.Node, error) {
	n := &yaml.Node{}
	err := n.Encode(rulefmt.Rule{
		Record: r.Record, Alert: r.Alert, Expr: r.Text, For: model.Duration(r.For), KeepFiringFor: model.Duration(r.KeepFiringFor),
		Labels: r.Labels, Annotations: r.Annotations,
	})
	n.HeadComment = r.UID + ": evaluated for each target by itself"
	if r.Global != "" {
		n.HeadComment = r.UID + ": evaluated over all targets at once, for " + r.Global
	}
	return n, err
}
