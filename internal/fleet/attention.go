package fleet

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/human"
	"trapline/internal/poller"
)

// MaxSentences bounds the sentences of one kind.
const MaxSentences = 10

// silence are targets that are down and may have fallen silent at one moment.
type silence struct {
	members []*poller.Summary // by the time at which they were found silent
	common  string            // "key value" of a label that all have, and not every target has; "" if there is none
	query   string            // finds them
}

// span is from the first to the last poll that found one silent.
func (s *silence) span() time.Duration {
	return s.members[len(s.members)-1].Since.Sub(s.members[0].Since)
}

// silenced groups the targets that answered once and are down, the latest first. Each fell silent between two of its
// polls; those are together for which this may have been one moment, and which have a label in common if any have.
func silenced(all []*poller.Summary) []silence {
	var down []*poller.Summary
	for _, u := range all {
		if u.State == poller.Down && u.Answered != nil {
			down = append(down, u)
		}
	}
	slices.SortStableFunc(down, func(a, b *poller.Summary) int { return a.Since.Compare(b.Since) })
	everywhere := shared(all)
	var groups []silence
	for len(down) > 0 {
		var together []*poller.Summary
		together, down = atOnce(down)
		groups = append(groups, divided(together, everywhere)...)
	}
	slices.SortStableFunc(groups, func(a, b silence) int { return b.members[0].Since.Compare(a.members[0].Since) })
	return groups
}

// atOnce takes those off a list, sorted by when they were found silent, that may have fallen silent when the first one
// did at the latest. The list is changed.
func atOnce(down []*poller.Summary) (together, rest []*poller.Summary) {
	moment := down[0].Since
	var skipped []*poller.Summary
	for _, u := range down {
		if u.Since.Sub(moment) > maxBetween {
			break
		}
		if u.Answered.Start.Before(moment) {
			together = append(together, u)
		} else {
			skipped = append(skipped, u)
		}
	}
	rest = down[len(together):]
	copy(rest, skipped) // those that were not looked at stand where they stood
	return together, rest
}

// maxBetween bounds the time between the last answer of a target and the poll that found it silent, of those that are
// grouped: to compare each with all others would take too long where many are down.
const maxBetween = 30 * time.Minute

// shared are the labels that all of several targets have with one value.
func shared(list []*poller.Summary) map[string]string {
	if len(list) == 0 {
		return nil
	}
	labels := maps.Clone(list[0].Target.Labels)
	for _, u := range list[1:] {
		maps.DeleteFunc(labels, func(name, value string) bool { return u.Target.Labels[name] != value })
	}
	return labels
}

// divided makes groups of targets by the label that the most of them have with the value of another one. Labels that
// are the same everywhere say nothing.
func divided(list []*poller.Summary, everywhere map[string]string) []silence {
	name := commonLabel(list, everywhere)
	by := map[string][]*poller.Summary{}
	var alone []*poller.Summary
	for _, u := range list {
		if value := u.Target.Labels[name]; name != "" && value != "" {
			by[value] = append(by[value], u)
		} else {
			alone = append(alone, u)
		}
	}
	var groups []silence
	for _, value := range slices.Sorted(maps.Keys(by)) {
		if members := by[value]; len(members) > 1 {
			groups = append(groups, silence{members, name + " " + value, "state=down " + quoted(name, value)})
		} else {
			alone = append(alone, members...)
		}
	}
	const few = 3
	if len(alone) > few {
		return append(groups, silence{alone, "", "state=down"})
	}
	for _, u := range alone {
		groups = append(groups, silence{[]*poller.Summary{u}, "", "name=" + u.Target.Name})
	}
	return groups
}

// commonLabel is the name of the label that leaves the fewest of several targets alone; "" if none joins any.
func commonLabel(list []*poller.Summary, everywhere map[string]string) string {
	counts := map[string]map[string]int{}
	for _, u := range list {
		for name, value := range u.Target.Labels {
			if everywhere[name] != value {
				if counts[name] == nil {
					counts[name] = map[string]int{}
				}
				counts[name][value]++
			}
		}
	}
	best, joined := "", 1
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		n := 0
		for _, members := range counts[name] {
			if members > 1 {
				n += members
			}
		}
		if n > joined || n == joined && name == "site" {
			best, joined = name, n
		}
	}
	return best
}

func targetsPath(query string) string { return "/targets?q=" + url.QueryEscape(query) }

// SilentTargets returns sentences on the targets that answered once and are down.
func SilentTargets(all []*poller.Summary, now time.Time) []api.Attention {
	var list []api.Attention
	left := 0
	for _, g := range silenced(all) {
		if len(list) >= MaxSentences {
			left += len(g.members)
			continue
		}
		first := g.members[0]
		one := api.Attention{Kind: "down", Query: g.query, Path: targetsPath(g.query), Since: first.Since}
		at := api.Clock(first.Since, now)
		switch n := len(g.members); {
		case n == 1:
			one.Path = "/targets/" + url.PathEscape(first.Target.Name)
			one.Text = fmt.Sprintf("%s stopped answering at %s. %s.", first.Target.Name, at, firstSentence(first))
		case g.common != "":
			one.Text = fmt.Sprintf("%s targets of %s stopped answering within %s, at %s.", human.Grouped(n), g.common, human.Duration(g.span()), at)
		default:
			one.Text = fmt.Sprintf("%s targets stopped answering within %s, at %s: %s.", human.Grouped(n), human.Duration(g.span()), at, names(g.members))
		}
		list = append(list, one)
	}
	if left > 0 {
		list = append(list, api.Attention{Kind: "down", Text: human.Grouped(left) + " more targets do not answer.", Query: "state=down", Path: targetsPath("state=down")})
	}
	return list
}

func firstSentence(u *poller.Summary) string {
	if problems := u.Problems(); len(problems) > 0 {
		return problems[0].First()
	}
	return "The reason is not known"
}

// names lists a few targets.
func names(list []*poller.Summary) string {
	const most = 3
	var texts []string
	for _, u := range list[:min(len(list), most)] {
		texts = append(texts, u.Target.Name)
	}
	if left := len(list) - most; left > 0 {
		return strings.Join(texts, ", ") + fmt.Sprintf(" and %s more", human.Grouped(left))
	}
	return strings.Join(texts, ", ")
}

// NeverAnswered returns sentences on the targets that are down and never answered, by reason.
func NeverAnswered(all []*poller.Summary) []api.Attention {
	by := map[string][]*poller.Summary{}
	for _, u := range all {
		if u.State == poller.Down && u.Answered == nil {
			why := "unknown"
			if problems := u.Problems(); len(problems) > 0 {
				why = string(problems[0].Reason)
			}
			by[why] = append(by[why], u)
		}
	}
	var list []api.Attention
	for _, why := range slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(len(by[b])-len(by[a]), strings.Compare(a, b)) }) {
		members := by[why]
		query := "state=down reason=" + why
		one := api.Attention{Kind: "down", Query: query, Path: targetsPath(query), Since: members[0].Since}
		if len(members) == 1 {
			one.Path = "/targets/" + url.PathEscape(members[0].Target.Name)
			one.Text = fmt.Sprintf("%s has never answered. %s.", members[0].Target.Name, firstSentence(members[0]))
		} else {
			one.Text = fmt.Sprintf("%s targets have never answered (%s): %s.", human.Grouped(len(members)), why, names(members))
		}
		list = append(list, one)
	}
	return list
}

// PartialTargets returns sentences on the targets with incomplete tables, by table and reason.
func PartialTargets(all []*poller.Summary) []api.Attention {
	var members []*poller.Summary
	by := map[string]int{}
	for _, u := range all {
		if u.State != poller.Partial {
			continue
		}
		members = append(members, u)
		seen := map[string]bool{}
		for _, w := range u.Problems() {
			what := string(w.Reason)
			if w.Table != "" {
				what = w.Table + " (" + what + ")"
			}
			if !seen[what] {
				seen[what] = true
				by[what]++
			}
		}
	}
	if len(members) == 0 {
		return nil
	}
	const most = 3
	var parts []string
	keys := slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(by[b]-by[a], strings.Compare(a, b)) })
	for _, what := range keys[:min(len(keys), most)] {
		parts = append(parts, fmt.Sprintf("%s × %s", human.Grouped(by[what]), what))
	}
	if len(keys) > most {
		parts = append(parts, "…")
	}
	one := api.Attention{Kind: "partial", Query: "state=partial", Path: targetsPath("state=partial"), Since: members[0].Since}
	for _, u := range members {
		if u.Since.Before(one.Since) {
			one.Since = u.Since
		}
	}
	one.Text = fmt.Sprintf("%s targets answer partially: %s.", human.Grouped(len(members)), strings.Join(parts, ", "))
	if len(members) == 1 {
		one.Path = "/targets/" + url.PathEscape(members[0].Target.Name)
		one.Text = fmt.Sprintf("%s answers partially. %s.", members[0].Target.Name, firstSentence(members[0]))
	}
	return []api.Attention{one}
}

// SlowTargets returns sentences on the targets whose polls take more than half of their interval.
func SlowTargets(all []*poller.Summary) []api.Attention {
	var worst *poller.Summary
	n := 0
	for _, u := range all {
		if u.Last == nil || u.State == poller.Down || u.Last.Duration <= u.Target.Interval/2 {
			continue
		}
		if n++; worst == nil || u.Last.Duration > worst.Last.Duration {
			worst = u
		}
	}
	if worst == nil {
		return nil
	}
	text := fmt.Sprintf("%d polls take more than half of their interval; the slowest is that of %s: %s of %s.",
		n, worst.Target.Name, human.Duration(worst.Last.Duration), human.Duration(worst.Target.Interval))
	if n == 1 {
		text = fmt.Sprintf("The poll of %s takes %s of its interval of %s.", worst.Target.Name, human.Duration(worst.Last.Duration), human.Duration(worst.Target.Interval))
	}
	return []api.Attention{{Kind: "slow", Text: text, Path: "/targets?sort=-duration", Since: worst.Last.Start}}
}

// quoted writes key=value for a query.
func quoted(key, value string) string {
	if strings.ContainsAny(value, " \t\r\n") {
		value = `"` + value + `"`
	}
	return key + "=" + value
}
