package collector_test

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/prometheus/common/expfmt"

	"trapline"
	"trapline/collector"
	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// answers is a Session that yields its variable bindings for any plan.
type answers []snmp.VarBind

func (a answers) Poll(_ context.Context, _ *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	for _, v := range a {
		yield(v)
	}
	return client.Stats{VarBinds: len(a)}, nil
}

// chassis returns the variable bindings of a walk of if_mib on a chassis with 1,000 interfaces.
func chassis(b *testing.B, m *collector.Module) answers {
	b.Helper()
	var list answers
	r := agent.Builtin["chassis"](1)
	for i := range r.Len() {
		v := r.Object(i, 0)
		for _, root := range m.Plan.Walk {
			if v.Name.HasPrefix(root) {
				list = append(list, v)
			}
		}
	}
	return list
}

func ifMIB(b *testing.B) *collector.Module {
	b.Helper()
	file := b.TempDir() + "/snmp.yml"
	if err := os.WriteFile(file, trapline.DefaultConfig, 0o600); err != nil {
		b.Fatal(err)
	}
	c, err := config.Load([]string{file}, config.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return collector.Compile("if_mib", c.Compiled["if_mib"])
}

func perVarbind(b *testing.B, varbinds int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(varbinds), "ns/varbind")
}

// BenchmarkConversion makes series of a chassis with 1,000 interfaces through if_mib.
func BenchmarkConversion(b *testing.B) {
	m := ifMIB(b)
	list := chassis(b, m)
	b.ReportAllocs()
	for b.Loop() {
		m.Collect(b.Context(), list, collector.Options{WrapCounters: true})
	}
	perVarbind(b, len(list))
}

// BenchmarkExposition writes those series as text.
func BenchmarkExposition(b *testing.B) {
	m := ifMIB(b)
	list := chassis(b, m)
	set := m.Collect(b.Context(), list, collector.Options{WrapCounters: true}).Set
	b.ReportAllocs()
	var buffer []byte
	for b.Loop() {
		buffer = expose(b, set, buffer)
	}
	perVarbind(b, len(list))
}

// BenchmarkConversionAndExposition is both, with the check for duplicates between them: all that
// happens to a varbind after it was received.
func BenchmarkConversionAndExposition(b *testing.B) {
	m := ifMIB(b)
	list := chassis(b, m)
	b.ReportAllocs()
	var buffer []byte
	for b.Loop() {
		r := m.Collect(b.Context(), list, collector.Options{WrapCounters: true})
		series.DropDuplicates([]*series.Set{r.Set})
		buffer = expose(b, r.Set, buffer)
	}
	perVarbind(b, len(list))
}

func expose(b *testing.B, set *series.Set, buffer []byte) []byte {
	b.Helper()
	e := series.NewEncoder(io.Discard, expfmt.NewFormat(expfmt.TypeTextPlain), buffer)
	if err := e.Encode([]series.Group{{Sets: []*series.Set{set}}}); err != nil {
		b.Fatal(err)
	}
	buffer, err := e.Close()
	if err != nil {
		b.Fatal(err)
	}
	return buffer
}
