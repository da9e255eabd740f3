package web

import (
	"net/http"
	"slices"

	"trapline/internal/api"
)

// rulesData is the list of rules, and the result of an expression that was tried.
type rulesData struct {
	Groups []ruleGroup
	Total  int
	Files  int
	In     api.TryRequest
	Try    *api.Try
}

// ruleGroup are the rules of a group of a file.
type ruleGroup struct {
	Name, File string
	Rules      []ruleRow
}

// ruleRow is a rule with the anchor by which links lead to it: of several with one name, the first has it.
type ruleRow struct {
	api.Rule
	Anchor string
}

func (s *Site) rules(w http.ResponseWriter, r *http.Request) error {
	v, _, err := s.rulesView(r)
	if err != nil {
		return err
	}
	return s.show(w, r, "rules", v)
}

// rulesView gathers the rules by group, in the order that the files have.
func (s *Site) rulesView(r *http.Request) (*view, *rulesData, error) {
	list, err := s.source.Console.Rules()
	if err != nil {
		return nil, nil, err
	}
	d := &rulesData{Total: len(list), In: api.TryRequest{For: "1m"}}
	files, names := map[string]bool{}, map[string]bool{}
	for _, rule := range list {
		i := slices.IndexFunc(d.Groups, func(g ruleGroup) bool { return g.Name == rule.Group && g.File == rule.File })
		if i < 0 {
			i = len(d.Groups)
			d.Groups = append(d.Groups, ruleGroup{Name: rule.Group, File: rule.File})
		}
		row := ruleRow{Rule: rule}
		if !names[rule.Name] {
			row.Anchor, names[rule.Name] = rule.Name, true
		}
		d.Groups[i].Rules = append(d.Groups[i].Rules, row)
		files[rule.File] = true
	}
	d.Files = len(files)
	return s.view(r, "r", "Rules", d), d, nil
}

// try evaluates an expression and shows the matches.
func (s *Site) try(w http.ResponseWriter, r *http.Request) error {
	v, d, err := s.rulesView(r)
	if err != nil {
		return err
	}
	d.In = api.TryRequest{Expr: r.FormValue("expr"), For: r.FormValue("for"), Targets: r.FormValue("targets")}
	result, err := s.source.Fleet.Try(r.Context(), d.In)
	if err != nil {
		v.Failed, v.Hint = explained(err)
		return s.answer(w, r, api.HTTPStatus(err), "rules", v)
	}
	d.Try = &result
	return s.show(w, r, "rules", v)
}
