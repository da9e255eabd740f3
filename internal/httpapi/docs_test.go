package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
	"trapline/internal/doctest"
)

const docsFile = "../../docs/api.md"

// docs/api.md is made of the table of routes, the types that they take and give, and their comments, so that
// it describes the routes, fields and statuses that exist.
func TestReferenceOfTheAPI(t *testing.T) {
	comments, err := doctest.Comments(".", "../api", "../journal")
	if err != nil {
		t.Fatal(err)
	}
	d := &docs{comments: comments, seen: map[reflect.Type]bool{}}
	d.text.WriteString(docsHead)
	d.errors()
	d.routes()
	d.types()
	doctest.Compare(t, docsFile, d.text.Bytes(), d.missing)
}

const docsHead = `# API v1

Made by ` + "`make docs`" + ` from the source. In v1 fields are added, never changed. An answer is JSON in the form of Prometheus' HTTP API:

    {"status": "success", "data": …, "warnings": […]}
    {"status": "error", "errorType": "not_found", "error": "there is no target \"sv\"", "hint": "did you mean sw?"}

Times are RFC 3339, durations are in seconds. A path that does not begin with GET acts: ` + "`--web.actions`" + ` must allow it (auto: on
loopback listeners, or where ` + "`--web.config.file`" + ` has users or the client a certificate), the Host header must be an IP address,
localhost, the name of the host or that of ` + "`--web.external-url`" + `, and it must not come from a web page of another origin. The body is a
JSON object with Content-Type: application/json, or a form with the same fields; without fields there need be none. What is
refused so is 403, a body of another type 415.

Prometheus' own paths, ` + "`/api/v1/rules`, `/api/v1/alerts`" + ` and with ` + "`--web.enable-query` `/api/v1/query` and `/api/v1/query_range`" + `,
answer as Prometheus' do. ` + "`/sd`" + ` and ` + "`/metrics`" + ` are [Prometheus and Grafana](4-prometheus.md).

In a [cluster](15-cluster.md#any-member-answers) any member answers for all. "warnings" names the members whose parts are missing: those that
do not answer. The member that is asked answers alone for its ` + "`/api/v1/config`" + `, a check and a reload of it, ` + "`/api/v1/discovery`" + `, ` + "`/api/v1/cluster`" + `, tests of
receivers, and for events after a number of its journal (` + "`after`" + `).
`

// docs is docs/api.md while it is written.
type docs struct {
	text     bytes.Buffer
	comments map[string]string // of "Type" and "Type.Field"
	queue    []reflect.Type    // to be described
	seen     map[reflect.Type]bool
	missing  []string
}

func (d *docs) printf(format string, args ...any) { fmt.Fprintf(&d.text, format, args...) }

func (d *docs) errors() {
	d.printf("\n## Errors\n\n| status | errorType | |\n|---|---|---|\n")
	for _, k := range api.ErrorKinds {
		d.printf("| %d | %s | %s |\n", k.Status, k.Name, k.Text)
	}
	d.printf("| %d | internal | anything else |\n", http.StatusInternalServerError)
}

func (d *docs) routes() {
	d.printf("\n## Paths\n")
	sorted := slices.Clone(routes)
	slices.SortStableFunc(sorted, func(a, b route) int { return strings.Compare(pathOf(a), pathOf(b)) })
	for _, r := range sorted {
		d.printf("\n### `%s`\n\n%s\n", r.pattern, r.text)
		if r.params != "" {
			d.printf("\n| parameter | |\n|---|---|\n")
			for line := range strings.Lines(r.params) {
				name, text, _ := strings.Cut(strings.TrimSpace(line), ": ")
				d.printf("| %s | %s |\n", name, cell(text))
			}
		}
		if r.takes != nil && r.takes.NumField() > 0 {
			d.printf("\nTakes %s.\n", d.typeName(r.takes))
		}
		d.printf("\nGives %s.\n", d.typeName(r.gives))
	}
}

func pathOf(r route) string {
	method, path, _ := strings.Cut(r.pattern, " ")
	return path + " " + method
}

// typeName names a type as JSON has it, with a link to its section.
func (d *docs) typeName(t reflect.Type) string {
	switch {
	case t == nil:
		return "nothing"
	case t == reflect.TypeFor[time.Time]():
		return "time"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.typeName(t.Elem()) + " or null"
	case reflect.Slice:
		return "list of " + d.typeName(t.Elem())
	case reflect.Map:
		return "map of " + d.typeName(t.Elem())
	case reflect.Struct:
		if !d.seen[t] {
			d.seen[t] = true
			d.queue = append(d.queue, t)
		}
		return fmt.Sprintf("[%s](#%s)", t.Name(), strings.ToLower(t.Name()))
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	}
	return "number"
}

func (d *docs) types() {
	d.printf("\n## Types\n")
	for len(d.queue) > 0 {
		t := d.queue[0]
		d.queue = d.queue[1:]
		if d.comments[t.Name()] == "" {
			d.missing = append(d.missing, t.Name())
		}
		d.printf("\n### %s\n\n%s\n", t.Name(), strings.TrimSpace(d.comments[t.Name()]))
		if t.NumField() > 0 {
			d.printf("\n| field | type | |\n|---|---|---|\n")
			d.fields(t)
		}
	}
}

func (d *docs) fields(t reflect.Type) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			d.fields(f.Type)
			continue
		}
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			d.missing = append(d.missing, t.Name()+"."+f.Name+"'s name in JSON")
		}
		comment := d.comments[t.Name()+"."+f.Name]
		if strings.Contains(options, "omit") {
			comment = strings.TrimPrefix(comment+"; may be left out", "; ")
		}
		d.printf("| %s | %s | %s |\n", name, d.typeName(f.Type), cell(comment))
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
