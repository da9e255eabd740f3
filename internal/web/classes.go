package web

import (
	"strings"

	"trapline/internal/api"
)

// entry is a link of the navigation.
type entry struct {
	Key, Path, Name string
	Count           int
	Class           string // of Count
}

// navigation returns the pages, with how many things on each need attention.
func navigation(st *api.Status) []entry {
	targets := entry{"t", "/targets", "Targets", st.Targets.Down + st.Targets.Partial + st.Targets.Unknown, "warn"}
	if st.Targets.Down > 0 {
		targets.Class = "bad"
	}
	list := []entry{
		{Key: "o", Path: "/", Name: "Overview"}, targets, {"a", "/alarms", "Alarms", st.Alarms.Total, alarmsClass(&st.Alarms)},
		{"r", "/rules", "Rules", st.Rules.Failing, "warn"},
		{"n", "/receivers", "Receivers", st.Receivers.Failing, "warn"},
		{Key: "m", Path: "/mibs", Name: "MIBs"},
		{Key: "d", Path: "/modules", Name: "Modules"},
		{"c", "/configuration", "Configuration", len(st.Config.Errors), "warn"},
	}
	if c := st.Cluster; c != nil {
		list = append(list, entry{"u", "/cluster", "Cluster", len(c.Absent) + len(c.Silent), "warn"})
	}
	return list
}

// alarmsClass is the class of a count of open alarms. Those of a baseline alone are nothing to look at.
func alarmsClass(c *api.AlarmCounts) string {
	switch {
	case c.BySeverity["critical"]+c.BySeverity["major"] > 0:
		return "bad"
	case c.Total > c.Baseline:
		return "warn"
	}
	return ""
}

// stateClasses give the shape and the color of a word.
var stateClasses = map[string]string{
	"up": "up", "works": "up", "ok": "up", "acknowledges": "up", "online": "up",
	"down": "down", "fails": "down", "failing": "down", "error": "down", "failed": "down",
	"partial": "part", "refused": "part", "no data": "part", "rule": "part", "warning": "part", "absent": "part", "degraded": "part", "unknown": "part",
}

func stateClass(state any) string {
	word, ok := state.(string)
	if s, is := state.(api.State); is {
		word, ok = string(s), true
	}
	if class, known := stateClasses[word]; ok && known {
		return class
	}
	return "wait"
}

// attentionClass returns the shape and the color of something that needs attention.
func attentionClass(kind string) string {
	switch kind {
	case "down", "failing", "member":
		return "down"
	case "slow":
		return "wait"
	}
	return "part"
}

// severityNames are the severities, the worst first.
var severityNames = [...]string{"critical", "major", "minor", "warning", "indeterminate"}

// severities counts alarms by severity in words, and those of baselines by themselves.
func severities(c api.AlarmCounts) string {
	var parts []string
	for _, name := range severityNames {
		if n := c.BySeverity[name]; n > 0 {
			parts = append(parts, count(n)+" "+name)
		}
	}
	if c.Baseline > 0 {
		parts = append(parts, count(c.Baseline)+" baseline")
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, " · ")
}

// severityClass is the class of a severity or of a kind of event.
func severityClass(word string) string {
	switch word {
	case "critical", "major", "minor", "warning", "cleared":
		return word
	case "acknowledged", "clear":
		return "cleared"
	case "given_up", "raise":
		return "major"
	}
	return "other"
}
