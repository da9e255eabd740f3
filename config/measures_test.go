package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"trapline/internal/doctest"
	"trapline/internal/measure"
)

// The list of metrics that measures make is made of the table in the source.
func TestReferenceOfMeasures(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`# Metrics that all vendors share

Made by ` + "`make docs`" + ` from the source. What makes them: [Measures](../3-modules.md#measures). All have the label ` + "`hw_id`" + `, and may have
` + quotedList(measure.Common[1:]) + `. Those of hardware with a unit may have limits,
` + "`METRIC_limit_UNIT`, with the label `hw_limit_type`" + `. The unit of an object may have a factor in front: ` + "`0.1 Cel`" + `.

| metric | series | | further labels | units of objects |
|---|---|---|---|---|
`)
	for i := range measure.Metrics {
		m := &measure.Metrics[i]
		var series []string
		for _, name := range m.Series() {
			if !strings.Contains(name, "_limit_") || m.Space {
				series = append(series, name)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", m.Name, quotedList(series), m.Help, quotedList(m.Labels), quotedList(m.ObjectUnits()))
	}
	b.WriteString("\nBesides: `device_info` of `inventory`, with the labels `vendor`, `model`, `version`, `serial`, `os` and `sys_name`.\n")
	doctest.Compare(t, "../docs/reference/measures.md", b.Bytes(), nil)
}

func quotedList(names []string) string {
	var list []string
	for _, name := range names {
		list = append(list, "`"+name+"`")
	}
	return strings.Join(list, ", ")
}
