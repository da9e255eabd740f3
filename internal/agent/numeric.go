package agent

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"trapline/internal/snmp"
)

// addModule adds an object whose value comes from a module of snmpsim.
func (b *Builder) addModule(name snmp.OID, kind snmp.Type, module, text string) error {
	set := splitSettings(text)
	if module == "numeric" {
		return b.addNumeric(name, kind, set)
	}
	if value, ok := set["hexvalue"]; ok {
		return b.addValue(name, kind, inHex, value)
	}
	value, ok := set["value"]
	if !ok {
		return fmt.Errorf("module %q has no value= to serve", module)
	}
	return b.addValue(name, kind, plain, value)
}

// splitSettings parses key=value pairs separated by commas. snmpsim allows both separators to be
// doubled or tripled, for values that contain them.
func splitSettings(text string) map[string]string {
	set := map[string]string{}
	for _, pair := range splitWidest(text, ",") {
		if kv := splitWidest(pair, "="); len(kv) >= 2 {
			set[strings.TrimSpace(kv[0])] = strings.Join(kv[1:], "=")
		}
	}
	return set
}

func splitWidest(text, separator string) []string {
	for n := 3; n > 1; n-- {
		if s := strings.Repeat(separator, n); strings.Contains(text, s) {
			return strings.Split(text, s)
		}
	}
	return strings.Split(text, separator)
}

// addNumeric adds an object of snmpsim's numeric module, with the extensions swing, period and
// phase (see Growth and Wave). A value that snmpsim accumulates from response to response
// (cumulative) grows by its rate here, so that a value depends on the time only.
func (b *Builder) addNumeric(name snmp.OID, kind snmp.Type, set map[string]string) error {
	n := numbers{set: set}
	w := Wave{
		Offset: n.get("offset", 0), Scale: n.get("scale", 1), Rate: n.get("rate", 1), Phase: n.get("phase", 0),
		Width: n.get("width", 0), Deviation: n.get("deviation", 0), Min: n.get("min", 0), Max: n.get("max", largest(kind)),
	}
	w.Initial = n.get("initial", w.Min)
	_, w.Wrap = set["wrap"]
	_, cumulative := set["cumulative"]
	swing, period := n.get("swing", 0), n.get("period", 0)
	if n.err != nil {
		return n.err
	}
	if f, ok := set["function"]; ok && !cumulative {
		if w.Shape, ok = shapeNames[f]; !ok {
			return fmt.Errorf("numeric: function %q is not sin or cos", f)
		}
	}
	if cumulative {
		w.Rate *= w.Scale + w.Offset
		w.Scale, w.Offset, w.Deviation = 1, 0, 0
	}
	if !growing(kind, &w) {
		b.Wave(name, kind, w)
		return nil
	}
	start, err := strconv.ParseUint(set["initial"], 10, 64)
	if err != nil {
		start = uint64(w.Initial)
	}
	b.Grow(name, kind, Growth{
		Start: start + uint64(w.Offset), Rate: w.Rate * w.Scale, Swing: swing, Phase: w.Phase,
		Period: time.Duration(period * float64(time.Second)),
	})
	return nil
}

// growing reports whether w is a Growth: it never decreases before its type wraps.
func growing(kind snmp.Type, w *Wave) bool {
	return kind != snmp.Integer && w.Shape == Line && w.Wrap && w.Deviation == 0 && w.Min == 0 && w.Max == largest(kind) &&
		w.Rate*w.Scale >= 0 && w.Initial >= 0 && w.Offset >= 0
}

func largest(kind snmp.Type) float64 {
	switch kind {
	case snmp.Counter64:
		return math.MaxUint64
	case snmp.Integer:
		return math.MaxInt32
	}
	return math.MaxUint32
}

// numbers parses numeric settings and keeps the first error.
type numbers struct {
	set map[string]string
	err error
}

func (n *numbers) get(key string, otherwise float64) float64 {
	text, ok := n.set[key]
	if !ok {
		return otherwise
	}
	v, err := strconv.ParseFloat(text, 64)
	if (err != nil || math.IsNaN(v) || math.IsInf(v, 0)) && n.err == nil {
		n.err = fmt.Errorf("numeric: %s=%s is not a number", key, text)
	}
	return v
}
