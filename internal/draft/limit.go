package draft

import (
	"slices"
	"strings"

	"trapline/internal/measure"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// Words of names of limits: of which state a reading beyond one is, and on which side it is.
var (
	limitWords    = []string{"threshold", "thresh", "thres", "thr", "limit", "lim", "max", "maximum", "min", "minimum", "high", "low", "hi", "lo", "upper", "lower", "critical", "crit", "warning", "warn", "major", "minor", "shutdown", "alarm"}
	warningWords  = []string{"warning", "warn", "minor"}
	lowWords      = []string{"low", "lo", "lower", "min", "minimum"}
	readingsWords = []string{"value", "reading", "val", "current", "cur", "actual", "measured"}
)

// limitsOf returns the columns that hold the limits of a reading, by key of `limit`: their names are that of the
// reading but for words that say that they are limits.
func (o *object) limitsOf(metric string, all []*object) map[string]*mibs.Node {
	if m := measure.MetricNamed(metric); m == nil || !strings.HasPrefix(metric, "hw_") || len(m.Units) == 0 || m.Counter || o.node.Syntax.Type == smi.OctetString {
		return nil
	}
	own := slices.DeleteFunc(slices.Clone(o.words), func(w string) bool { return slices.Contains(readingsWords, w) })
	limits := map[string]*mibs.Node{}
	for _, other := range all {
		if other.node.Row != o.node.Row || !other.isNumber() || other.node.Syntax.Type == smi.OctetString || len(other.node.Syntax.Labels) > 0 || other.units != o.units {
			continue
		}
		rest, said := partition(other.words, func(w string) bool { return !slices.Contains(limitWords, w) })
		rest = slices.DeleteFunc(rest, func(w string) bool { return slices.Contains(readingsWords, w) })
		if key := limitKey(said); len(said) > 0 && slices.Equal(rest, own) && limits[key] == nil {
			limits[key] = other.node
		}
	}
	return limits
}

func limitKey(said []string) string {
	side, state := "high", "critical"
	if slices.ContainsFunc(said, func(w string) bool { return slices.Contains(lowWords, w) }) {
		side = "low"
	}
	if slices.ContainsFunc(said, func(w string) bool { return slices.Contains(warningWords, w) }) {
		state = "degraded"
	}
	return side + "." + state
}

// plausibleLimits leaves out limits that the device does not set, or that the reading's unit does not fit.
func (g *group) plausibleLimits(m *Measure) {
	metric := measure.MetricNamed(m.Metric)
	for key, n := range m.Limits {
		c := g.column(n)
		if c == nil || !slices.ContainsFunc(c.numbers, func(x int64) bool {
			return x != 0 && !slices.Contains(placeholders, x) && metric.Plausible(m.Unit, float64(x))
		}) {
			delete(m.Limits, key)
		}
	}
}
