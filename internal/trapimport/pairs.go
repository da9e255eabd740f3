package trapimport

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// endings are words of names of events that end others, by the words of those; "" stands for no word.
var endings = map[string][]string{
	"down": {"up"}, "fail": {"ok", "restore", "recover", "good"}, "failed": {"ok", "restored", "recovered", "normal", "good"},
	"failure": {"ok", "restored", "recovered", "recovery", "normal", "good"}, "fault": {"ok", "cleared", "restored", "normal"}, "error": {"ok", "cleared", "normal"},
	"lost": {"found", "restored", "regained", "acquired"}, "loss": {"restored", "restoral"}, "raised": {"cleared"}, "raise": {"clear"}, "set": {"clear", "cleared"},
	"alarm": {"clear", "cleared", "normal", "ok"}, "on": {"off"}, "off": {"on"}, "open": {"closed", "close"}, "opened": {"closed"}, "added": {"removed"}, "removed": {"inserted", "added"},
	"high": {"normal", "ok"}, "low": {"normal", "ok"}, "rising": {"falling"}, "exceeded": {"normal", "cleared", "ok"}, "critical": {"normal", "ok"}, "warning": {"normal", "ok"},
	"bad": {"good", "ok"}, "problem": {"resolved", "ok"}, "begin": {"end"}, "start": {"end", "stop"}, "started": {"ended", "stopped"}, "active": {"inactive", "cleared"},
	"disconnected": {"connected"}, "unreachable": {"reachable"}, "unavailable": {"available"}, "abnormal": {"normal"}, "broken": {"ok", "restored"},
	"": {"clear", "cleared", "ok", "normal", "resolved", "restored", "recovered", "end", "ended", "over"},
}

// ends reports whether an event ends another one by their names, such as linkUp and linkDown.
func ends(name, other string) bool {
	is, was := wordsOf(name), wordsOf(other)
	if len(is) == len(was)+1 {
		was = append(was, "")
	}
	if len(is) != len(was) {
		return false
	}
	found := false
	for i := range is {
		if is[i] == was[i] {
			continue
		}
		if found || !slices.Contains(endings[was[i]], is[i]) {
			return false
		}
		found = true
	}
	return found
}

// wordsOf splits a name such as upsOnBattery or UPS-ON_BATTERY into words.
func wordsOf(name string) (list []string) {
	var b strings.Builder
	end := func() {
		if b.Len() > 0 {
			list = append(list, strings.ToLower(b.String()))
		}
		b.Reset()
	}
	before := ' '
	for _, r := range name {
		if r == '-' || r == '_' || r == '.' || unicode.IsUpper(r) && unicode.IsLower(before) {
			end()
		}
		if before = r; r != '-' && r != '_' && r != '.' {
			b.WriteRune(r)
		}
	}
	end()
	return list
}

// normal reports whether an event says that all is well.
func (r *rule) normal() bool { return strings.EqualFold(r.level, "normal") }

// endedBy reports whether an event of severity Normal ends the alarm of the rule: that of the same notification with
// other values, or one beside it with a name that says so. Conditions of its own must be those of the rule.
func (r *rule) endedBy(n *rule) bool {
	switch {
	case strings.HasSuffix(r.on, "*") || strings.HasSuffix(n.on, "*") || r.nodes != n.nodes && n.nodes != "":
		return false
	case r.on == n.on:
		return len(r.match) > 0 && len(n.match) > 0 && !maps.Equal(r.match, n.match)
	}
	return parent(r.on) == parent(n.on) && ends(n.event, r.event) && (len(n.match) == 0 || maps.Equal(r.match, n.match))
}

func parent(oid string) string { return oid[:max(0, strings.LastIndexByte(oid, '.'))] }

// pair has events of severity Normal end the alarms of others. Those that end none stay as they are.
func (r *Result) pair() {
	used := map[string]bool{}
	for i := range r.rules {
		n := &r.rules[i]
		if !n.normal() {
			continue
		}
		for k := range r.rules {
			if of := &r.rules[k]; !of.normal() && of.endedBy(n) && !slices.Contains(of.clears, n.on) {
				used[n.alert] = true
				if of.clears = append(of.clears, n.on); len(of.clears) == 1 {
					of.clearSummary = n.summary
				}
			}
		}
		if !used[n.alert] {
			r.notes = append(r.notes, n.where+n.alert+": the severity is Normal, and no event was found that it ends: it raises an alarm of its own. Leave it out, and name its OID in clear of the rule that it ends")
		}
	}
	r.rules = slices.DeleteFunc(r.rules, func(one rule) bool { return used[one.alert] })
}
