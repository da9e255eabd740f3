package web

import (
	"embed"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"trapline/internal/api"
	"trapline/internal/human"
)

//go:embed templates
var templateFiles embed.FS

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
		"path": s.path, "isTarget": s.source.Fleet.HasTarget, "asset": s.asset, "link": s.link, "query": query, "navigation": navigation,
		"count": count, "count64": func(n int64) string { return count(int(n)) }, "short": short, "whole": whole, "trim": trim, "duration": duration, "span": human.Span, "percent": human.Percent, "plural": human.Counted,
		"clock": s.clock, "age": s.age, "since": s.since, "due": s.due,
		"counter": func(n uint64) string { return count(int(n)) }, "muteOf": s.muteOf, "strip": strip, "hour": hour, "minutes": minutes, "quoted": quoted, "worst": worst,
		"around": around, "number": func(i int) int { return i + 1 },
		"stateClass": stateClass, "severityClass": severityClass, "attentionClass": attentionClass, "alarmsClass": alarmsClass, "severities": severities,
		"uptime": s.uptime, "hourBegan": hourBegan, "float": func(n int) float64 { return float64(n) }, "add": func(a, b int) int { return a + b }, "minus": func(a, b int) int { return a - b },
	}
}

// uptime is how long the process runs, in minutes, so that a page does not differ from one second to the next.
func (s *Site) uptime(st *api.Status) string {
	return human.Span(max(60, s.options.Now().Sub(st.Started).Truncate(60e9).Seconds()))
}
