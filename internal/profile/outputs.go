package profile

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"trapline/collector"
)

// Outputs are metrics that a module may make series of, and the labels that these may have.
type Outputs struct {
	Labels  []string
	Metrics []string
}

// outputsOf compiles a module. Metrics with the same labels are together.
func outputsOf(name string, s *collector.Settings) []Outputs {
	metrics := map[string][]string{}
	for metric, labels := range collector.Compile(name, s).OutputMetrics() {
		metrics[metric] = append(metrics[metric], labels...)
	}
	byLabels := map[string]*Outputs{}
	for _, metric := range slices.Sorted(maps.Keys(metrics)) {
		labels := slices.Compact(slices.Sorted(slices.Values(metrics[metric])))
		key := strings.Join(labels, " ")
		if byLabels[key] == nil {
			byLabels[key] = &Outputs{Labels: labels}
		}
		byLabels[key].Metrics = append(byLabels[key].Metrics, metric)
	}
	var list []Outputs
	for _, key := range slices.Sorted(maps.Keys(byLabels)) {
		list = append(list, *byLabels[key])
	}
	return list
}

// EncodeOutputs returns the stored form: lines of a module, labels and metrics. A metric begins with a letter that says
// how many octets it shares with the one before it, '0' for none.
func EncodeOutputs(modules map[string][]Outputs) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		for _, o := range modules[name] {
			b.WriteString(name + "\t" + strings.Join(o.Labels, " ") + "\t" + strings.Join(shortened(o.Metrics), " ") + "\n")
		}
	}
	return b.Bytes()
}

// DecodeOutputs reads the stored form.
func DecodeOutputs(text string) map[string][]Outputs {
	modules := map[string][]Outputs{}
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		labels, metrics, _ := strings.Cut(rest, "\t")
		modules[name] = append(modules[name], Outputs{strings.Fields(labels), expanded(strings.Fields(metrics))})
	}
	return modules
}

// maxShared is how many octets of a name may be those of the name before it.
const maxShared = 'z' - '0'

func shortened(names []string) (short []string) {
	before := ""
	for _, name := range names {
		shared := 0
		for shared < min(len(name), len(before), maxShared) && name[shared] == before[shared] {
			shared++
		}
		short = append(short, string(rune('0'+shared))+name[shared:])
		before = name
	}
	return short
}

func expanded(short []string) []string {
	before := ""
	for i, s := range short {
		before = before[:min(max(int(s[0])-'0', 0), len(before))] + s[1:]
		short[i] = before
	}
	return short
}
