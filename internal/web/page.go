package web

import (
	"embed"
	"html/template"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"trapline/internal/api"
)

//go:embed templates
var templateFiles embed.FS

// page is a template within the frame that all pages share.
type page struct{ template *template.Template }

func (p *page) execute(w io.Writer, v *view) error { return p.template.ExecuteTemplate(w, "frame", v) }

// parse reads the templates: frame.html and parts.html are for all, each other one is a page.
func (s *Site) parse() map[string]*page {
	shared := template.Must(template.New("").Funcs(s.functions()).ParseFS(templateFiles, "templates/frame.html", "templates/parts.html"))
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is one
	}
	pages := map[string]*page{}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "frame" || name == "parts" {
			continue
		}
		pages[name] = &page{template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, file))}
	}
	return pages
}

func (s *Site) functions() template.FuncMap {
	return template.FuncMap{
		"path": s.path, "asset": s.asset, "link": s.link, "query": query, "navigation": navigation,
		"count": count, "count64": func(n int64) string { return count(int(n)) }, "short": short, "whole": whole, "trim": trim, "duration": duration, "span": span, "percent": percent, "plural": plural,
		"clock": s.clock, "age": s.age, "since": s.since, "due": s.due,
		"strip": strip, "hour": hour, "minutes": minutes, "quoted": quoted, "worst": worst,
		"around": around, "number": func(i int) int { return i + 1 },
		"stateClass": stateClass, "severityClass": severityClass, "attentionClass": attentionClass, "alarmsClass": alarmsClass, "severities": severities,
		"uptime": s.uptime, "hourBegan": hourBegan, "float": func(n int) float64 { return float64(n) }, "add": func(a, b int) int { return a + b }, "minus": func(a, b int) int { return a - b },
	}
}

// link is a path of the site that an answer of the API names, with the prefix.
func (s *Site) link(path string) string { return s.options.Prefix + path }

// uptime is how long the process runs, in minutes, so that a page does not differ from one second to the next.
func (s *Site) uptime(st *api.Status) string {
	return span(max(60, s.options.Now().Sub(st.Started).Truncate(60e9).Seconds()))
}

// query builds the query of a URL of names and values, without the empty ones.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// quoted is a word of a query that holds whatever text is in it.
func quoted(word string) string {
	if strings.ContainsAny(word, " \t\r\n") {
		return `"` + strings.ReplaceAll(word, `"`, "") + `"`
	}
	return word
}

// entry is a link of the navigation.
type entry struct {
	Key, Path, Name string
	Count           int
	Class           string // of Count
}

// navigation gives the pages, with how many things on each need attention.
func navigation(st *api.Status) []entry {
	targets := entry{"t", "/targets", "Targets", st.Targets.Down + st.Targets.Partial, "warn"}
	if st.Targets.Down > 0 {
		targets.Class = "bad"
	}
	return []entry{
		{Key: "o", Path: "/", Name: "Overview"}, targets, {"a", "/alarms", "Alarms", st.Alarms.Total, alarmsClass(&st.Alarms)},
		{"r", "/rules", "Rules", st.Rules.Failing, "warn"},
		{"n", "/receivers", "Receivers", st.Receivers.Failing, "warn"},
		{Key: "m", Path: "/mibs", Name: "MIBs"},
		{Key: "d", Path: "/modules", Name: "Modules"},
		{"c", "/configuration", "Configuration", len(st.Config.Errors), "warn"},
	}
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

// stateClasses give the shape and the colour of a word.
var stateClasses = map[string]string{
	"up": "up", "works": "up", "ok": "up", "acknowledges": "up", "online": "up",
	"down": "down", "fails": "down", "failing": "down", "error": "down", "failed": "down",
	"partial": "part", "refused": "part", "no data": "part", "rule": "part", "warning": "part", "absent": "part",
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

// attentionClass gives the shape and the colour of something that needs attention.
func attentionClass(kind string) string {
	switch kind {
	case "down", "failing":
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
