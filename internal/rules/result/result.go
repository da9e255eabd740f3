// Package result writes results of PromQL as the API of Prometheus does.
package result

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Write writes a result as Prometheus' API does, series by series: the JSON is many times as large as the result.
func Write(w http.ResponseWriter, value parser.Value, warnings []string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"data":{"result":`)
	switch value := value.(type) {
	case promql.Vector:
		WriteList(w, len(value), func(b []byte, i int) []byte {
			b = append(appendMetric(b, value[i].Metric), `,"value":`...)
			return append(appendPoint(b, value[i].T, value[i].F), '}')
		})
	case promql.Matrix:
		WriteList(w, len(value), func(b []byte, i int) []byte { return appendPoints(b, &value[i]) })
	case promql.Scalar:
		_, _ = w.Write(appendPoint(nil, value.T, value.V))
	case promql.String:
		text, _ := json.Marshal(value.V) // which is always possible
		fmt.Fprintf(w, "[%s,%s]", strconv.FormatFloat(float64(value.T)/1000, 'f', -1, 64), text)
	}
	fmt.Fprintf(w, `,"resultType":%q},"status":"success"`, value.Type())
	writeWarnings(w, warnings)
	_, _ = io.WriteString(w, "}\n")
}

// WriteList writes a list of n elements of JSON, each of which appendOne appends to octets.
func WriteList(w io.Writer, n int, appendOne func([]byte, int) []byte) {
	buffer := []byte("[")
	for i := range n {
		if i > 0 {
			buffer = append(buffer, ',')
		}
		buffer = appendOne(buffer, i)
		if _, err := w.Write(buffer); err != nil {
			return
		}
		buffer = buffer[:0]
	}
	_, _ = w.Write(append(buffer, ']'))
}

func appendMetric(b []byte, metric labels.Labels) []byte {
	text, _ := metric.MarshalJSON() // which is always possible
	return append(append(b, `{"metric":`...), text...)
}

func appendPoints(b []byte, s *promql.Series) []byte {
	b = append(appendMetric(b, s.Metric), `,"values":[`...)
	for i, p := range s.Floats {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendPoint(b, p.T, p.F)
	}
	return append(b, "]}"...)
}

// appendPoint appends a value at a time, as Prometheus' API has it.
func appendPoint(b []byte, t int64, v float64) []byte {
	b = strconv.AppendFloat(append(b, '['), float64(t)/1000, 'f', -1, 64)
	return append(strconv.AppendFloat(append(b, `,"`...), v, 'f', -1, 64), `"]`...)
}
