package traps

import (
	"errors"
	"strings"
	"text/template"

	"trapline/internal/snmp"
	"trapline/mibs"
)

// variables are those of templates.
const variables = `{{$labels := .Labels}}{{$varbinds := .VarBinds}}{{$values := .Values}}{{$names := .Names}}{{$trap := .Trap}}{{$source := .Source}}`

// templateData has the variables of templates.
type templateData struct {
	Labels   map[string]string
	VarBinds map[string]string // by the name of their object, and by OID
	Values   texts             // in order
	Names    texts             // of the instances
	Trap     string
	Source   string
}

// texts are texts that are numbered from 1.
type texts []string

// At returns text n, or "" if there are fewer.
func (t texts) At(n int) string {
	if n < 1 || n > len(t) {
		return ""
	}
	return t[n-1]
}

func parseTemplate(name, text string) (*template.Template, error) {
	return template.New(name).Funcs(template.FuncMap{"toUpper": strings.ToUpper, "toLower": strings.ToLower}).Option("missingkey=zero").Parse(variables + text)
}

// maxExpanded bounds the text of a template, in octets.
const maxExpanded = 16 << 10

// expand returns the text of a template, or the error in its place.
func expand(t *template.Template, data *templateData) string {
	var b boundedText
	if err := t.Execute(&b, data); err != nil && !errors.Is(err, errLong) {
		return "<error expanding template: " + err.Error() + ">"
	}
	return strings.ToValidUTF8(b.String(), "?")
}

var errLong = errors.New("the text is too long")

// boundedText is a text of maxExpanded octets at most.
type boundedText struct{ strings.Builder }

func (b *boundedText) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxExpanded {
		return 0, errLong
	}
	return b.Builder.Write(p)
}

// newTemplateData returns the variables of templates of a trap.
func newTemplateData(t *Trap, tree *mibs.Tree) *templateData {
	data := &templateData{Labels: map[string]string{}, VarBinds: map[string]string{}, Trap: t.Name, Source: t.Received.From.Addr().String()}
	for v := range t.withV1() {
		name, object := nameOf(tree, v.Name)
		text := valueText(tree, object, v)
		if !proxied(v.Name) {
			data.Names = append(data.Names, name)
			data.Values = append(data.Values, text)
		}
		data.VarBinds[v.Name.String()] = text
		if object != nil {
			if _, known := data.VarBinds[object.Name]; !known {
				data.VarBinds[object.Name] = text
			}
		}
	}
	return data
}

// isObject reports whether a variable binding is of an object: an instance of it, or the object itself.
func isObject(v *snmp.VarBind, object snmp.OID) bool { return v.Name.HasPrefix(object) }
