package fleet

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/measure"
	"trapline/internal/mute"
	"trapline/internal/poller"
	"trapline/internal/profile"
)

// condition is a term of a query.
type condition struct {
	api.Term
	expression *regexp.Regexp // nil unless Expression
}

// compiled returns terms whose expressions are compiled.
func compiled(terms []api.Term) ([]condition, error) {
	var list []condition
	for _, t := range terms {
		c := condition{Term: t}
		if t.Expression {
			err := mute.CheckExpression(t.Value)
			if err == nil {
				c.expression, err = regexp.Compile("^(?:" + t.Value + ")$")
			}
			if err != nil {
				return nil, api.WithHint(api.Errorf(api.ErrBadRequest, "%s=~%q: %v", t.Key, t.Value, err), "Write an expression such as core-.*, or "+t.Key+"=VALUE")
			}
		}
		list = append(list, c)
	}
	return list, nil
}

// matches reports whether a target fulfills the terms, those of its state left out.
func matches(u *poller.Summary, list []condition) bool {
	for i := range list {
		if t := &list[i]; t.Key != "state" && !t.holds(u) {
			return false
		}
	}
	return true
}

// matchesState reports whether a target fulfills the terms of its state.
func matchesState(u *poller.Summary, list []condition) bool {
	for i := range list {
		if t := &list[i]; t.Key == "state" && !t.holds(u) {
			return false
		}
	}
	return true
}

func (t *condition) holds(u *poller.Summary) bool {
	if t.Key == "" {
		return strings.Contains(u.Search, t.Value)
	}
	return slices.ContainsFunc(valuesOf(u, t.Key), t.is) != t.Not
}

func (t *condition) is(value string) bool {
	if t.expression != nil {
		return t.expression.MatchString(value)
	}
	return strings.EqualFold(value, t.Value)
}

// valuesOf returns the values that a target has under a key of queries.
func valuesOf(u *poller.Summary, key string) []string {
	switch key {
	case "state":
		return []string{u.State.String()}
	case "up":
		return []string{upOf(u)}
	case "name", poller.TargetLabel:
		return []string{u.Target.Name}
	case "address":
		return []string{u.Target.Spec.Address}
	case "auth":
		return []string{u.Target.AuthName}
	case "module":
		return append(u.Target.ModuleNames(), polledModules(u)...)
	case "kind", "profile":
		return []string{chosenFor(u)}
	case "vendor":
		return []string{vendorOf(u)}
	case "reason", "error":
		return reasonsOf(u)
	case "discovery":
		return []string{u.Target.List}
	}
	return []string{u.Target.Labels[key]}
}

// upOf is the value of trapline_target_up, "" before the first poll has ended.
func upOf(u *poller.Summary) string {
	switch u.State {
	case poller.Waiting:
		return ""
	case poller.Down:
		return "0"
	}
	return "1"
}

// polledModules are the names of the modules of the last poll, those chosen by a profile included.
func polledModules(u *poller.Summary) (names []string) {
	if u.Last == nil {
		return nil
	}
	for _, m := range u.Last.Modules {
		names = append(names, m.Name)
	}
	return names
}

// reasonsOf are the reasons of the errors of the last poll.
func reasonsOf(u *poller.Summary) (list []string) {
	if u.Last == nil {
		return nil
	}
	if len(u.Last.Duplicates) > 0 {
		list = append(list, "duplicate")
	}
	for _, e := range u.Last.Errors {
		list = append(list, string(e.Reason))
	}
	return list
}

// chosenFor is the profile that was chosen for a target, "" where there is none.
func chosenFor(u *poller.Summary) string {
	for _, p := range []*poller.Pass{u.Last, u.Answered} {
		if p != nil && p.Choice != nil {
			return p.Choice.Profile()
		}
	}
	return ""
}

// kindOf is the profile of a target; "" where it is the one that fits any device.
func kindOf(u *poller.Summary) string {
	if name := chosenFor(u); name != profile.Default {
		return name
	}
	return ""
}

// vendorOf is the vendor of a device as its series device_info has it; "" where it has none.
func vendorOf(u *poller.Summary) string {
	if u.Answered == nil {
		return ""
	}
	for _, set := range u.Answered.Sets {
		for i := range set.Columns {
			if c := &set.Columns[i]; c.Desc.Name == measure.DeviceInfo && len(c.Table.Ends) > 0 {
				return cmp.Or(catalog.LabelOf(c.Table.Row(0), "vendor"), catalog.LabelOf(c.ExtraOf(0), "vendor"))
			}
		}
	}
	return ""
}
