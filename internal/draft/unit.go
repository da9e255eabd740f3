package draft

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"trapline/mibs/smi"
)

// dimension is a kind of quantity, with the words that units of it have and those that are searched in descriptions.
type dimension struct {
	unit     string // the one that is assumed if nothing else is stated
	prefixes string // that the unit may have
	words    string // of the unit, as a regular expression
}

const (
	celsius  = `(?:degrees?|deg\.?)? ?(?:celsius|celcius|centigrades?|cels|c)\b|degrees?|degc|°c|℃`
	perCent  = `%|percent(?:age)?|pct`
	decibel  = `dbm`
	fraction = `(?:tenths?|0?\.1|1/10(?:th)?s?|10ths?|10\^?\(?-1\)?|deci-?)`
)

var dimensions = map[string]dimension{
	"temperature": {"Cel", "m", celsius},
	"voltage":     {"V", "mukdc", `volts?(?:age)?|v(?:ac|dc|rms)?`},
	"current":     {"A", "mu", `amp(?:ere|s|eres)?\.?|a(?:ac|dc|rms)?`},
	"power":       {"W", "mukM", `watts?|w`},
	"apparent":    {"V.A", "k", `volt-?_? ?amp(?:ere|s|eres)?|va`},
	"energy":      {"W.h", "kM", `watt-?_? ?hours?|wh|kwh`},
	"frequency":   {"Hz", "kMGm", `hertz|hz`},
	"percent":     {"%", "", perCent},
	"dbm":         {"dBm", "m", decibel},
	"db":          {"dB", "m", `dbs?|decibels?`},
	"rpm":         {"rpm", "", `rpm|r\.p\.m\.?|rotations? per minute|revolutions? per minute|rev/min`},
	"factor":      {"1", "", `power factor|pf`},
	"pressure":    {"Pa", "kh", `pascals?|pa`},
	"bits":        {"bit/s", "kMG", `bits?/s(?:ec)?|bps|bits? per second|bit/sec|b/s`},
	"length":      {"m", "k", `met(?:er|re)s?|m`},
	"time":        {"s", "m", `sec(?:ond)?s?|s`},
	"bytes":       {"By", "kMG", `bytes?|octets?|b`},
}

var prefixWords = map[byte]string{'m': `mill?i-?_? ?|m`, 'u': `micro-?_? ?|u|μ|µ`, 'k': `kilo-?_? ?|k`, 'M': `mega-?_? ?|m`, 'G': `giga-?_? ?|g`, 'd': `deci-?_? ?`, 'c': `centi-?_? ?`, 'h': `hecto-?_? ?|h`}

// Factors that descriptions state in words or digits, in the order in which they are searched.
var factors = []struct {
	factor string
	words  string
}{
	{"0.1", fraction},
	{"0.01", `(?:hundredths?|0?\.01|1/100(?:th)?s?|100ths?|10\^?\(?-2\)?|centi-?)`},
	{"0.001", `(?:thousandths?|0?\.001|1/1000(?:th)?s?|1000ths?|10\^?\(?-3\)?)`},
	{"0.0001", `(?:ten-?thousandths?|0?\.0001|1/10000(?:th)?s?|10\^?\(?-4\)?)`},
	{"10", `(?:tens)`},
}

type factorOf struct {
	factor string
	re     *regexp.Regexp
}

// expressions find the units of a dimension in a text.
type expressions struct {
	scaled   []factorOf     // a factor beside the unit
	prefixed []factorOf     // the unit with a prefix, and at last without one
	fraction *regexp.Regexp // parts such as 1/256th of the unit
}

// general are factors that stand without a unit.
var general = []factorOf{
	{"0.1", regexp.MustCompile(`multipl(?:ied|ier|y)[^.]{0,20} 10\b|times 10\b|10 times|divi(?:ded?|sion|sor)[^.0-9]{0,20} 10\b|[x*×] ?10\b|/ ?10\b|\b10x\b|in tenths?\b|scale[^.]{0,12} 0\.1\b|factor[^.]{0,12} 0?\.1\b|one decimal|1 decimal`)},
	{"0.01", regexp.MustCompile(`multipl(?:ied|ier|y)[^.]{0,20} 100\b|times 100\b|100 times|divi(?:ded?|sion|sor)[^.0-9]{0,20} 100\b|[x*×] ?100\b|/ ?100\b|\b100x\b|in hundredths?\b|scale[^.]{0,12} 0\.01\b|factor[^.]{0,12} 0?\.01\b|two decimal|2 decimal`)},
	{"0.001", regexp.MustCompile(`multipl(?:ied|ier|y)[^.]{0,20} 1000\b|times 1000\b|1000 times|divi(?:ded?|sion|sor)[^.0-9]{0,20} 1000\b|[x*×] ?1000\b|/ ?1000\b|\b1000x\b|in thousandths?\b|scale[^.]{0,12} 0\.001\b|three decimal|3 decimal`)},
}

// byDimension are the expressions of each dimension. They take 10 ms to compile.
var byDimension = sync.OnceValue(func() map[string]*expressions {
	all := map[string]*expressions{}
	for name, d := range dimensions {
		base := `(?:` + d.words + `)`
		e := &expressions{fraction: regexp.MustCompile(`\b1/([1-9]\d*)(?:ths?|st|nd)?(?: of)?(?: an?)? ?((?:mill?i|micro|m|u|kilo)?[- ]?` + base + `)(?:\W|$)`)}
		for _, f := range factors {
			for i := range len(d.prefixes) {
				p := d.prefixes[i : i+1]
				e.scaled = append(e.scaled, factorOf{f.factor + " " + p + d.unit, regexp.MustCompile(f.words + ` ?-?(?:of )?(?:an? )?(?:` + prefixWords[p[0]] + `)` + base + `(?:\W|$)`)})
			}
			e.scaled = append(e.scaled, factorOf{f.factor + " " + d.unit, regexp.MustCompile(`(?:^|[^\w.])` + f.words + ` ?-?(?:of )?(?:an? )?(?:the )?(?:degrees? |deg\.? )?` + base + `(?:\W|$)`)})
		}
		for i := range len(d.prefixes) {
			p := d.prefixes[i : i+1]
			e.prefixed = append(e.prefixed, factorOf{p + d.unit, regexp.MustCompile(`(?:^|[^a-z])(?:` + prefixWords[p[0]] + `)` + base + `(?:\W|$)`)})
		}
		all[name] = e
	}
	return all
})

// unitOf is the unit with its factor that the object counts in, as UCUM; dimension is a key of dimensions.
func (o *object) unitOf(name string) string {
	d := dimensions[name]
	if name == "frequency" && strings.Contains(o.node.Units, "mHz") {
		return "mHz"
	}
	for _, text := range []string{o.units, strings.ToLower(o.node.Syntax.TC)} {
		if u := unitIn(text, name); u != "" {
			return o.hinted(u, d.unit)
		}
	}
	if u := o.unitInName(name); u != "" {
		return o.hinted(u, d.unit)
	}
	if u := o.hinted("", d.unit); u != "" {
		return u
	}
	if u := unitIn(o.text, name); u != "" {
		return o.inRange(u, name)
	}
	return o.inRange(d.unit, name)
}

func unitIn(text, name string) string {
	if text == "" {
		return ""
	}
	e := byDimension()[name]
	for _, f := range e.scaled {
		if f.re.MatchString(text) {
			return f.factor
		}
	}
	if m := e.fraction.FindStringSubmatch(text); m != nil {
		for _, f := range e.prefixed {
			if f.re.MatchString(" " + m[2]) {
				return "1/" + m[1] + " " + f.factor
			}
		}
		return "1/" + m[1] + " " + dimensions[name].unit
	}
	unit := ""
	for _, f := range e.prefixed {
		if f.re.MatchString(text) {
			unit = f.factor
			break
		}
	}
	for _, g := range general {
		if g.re.MatchString(text) {
			if unit == "" {
				unit = dimensions[name].unit
			}
			return g.factor + " " + unit
		}
	}
	if name == "temperature" && fahrenheit.MatchString(text) && !strings.Contains(text, "cel") {
		return "[degF]"
	}
	return unit
}

var (
	fahrenheit = regexp.MustCompile(`fahrenheit|degrees? f\b|°f`)
	decimals   = regexp.MustCompile(`^d-([1-9])$`)
)

// hinted adds the decimals of a DISPLAY-HINT to a unit.
func (o *object) hinted(unit, base string) string {
	m := decimals.FindStringSubmatch(o.node.Syntax.Hint)
	if m == nil || strings.Contains(unit, " ") {
		return unit
	}
	if unit == "" {
		unit = base
	}
	n, _ := strconv.Atoi(m[1])
	return "0." + strings.Repeat("0", n-1) + "1 " + unit
}

// unitInName finds units such as mV, and factors such as x10, at the end of a name.
func (o *object) unitInName(name string) string {
	d := dimensions[name]
	unit := ""
	for _, w := range o.words {
		for i := range len(d.prefixes) {
			p := d.prefixes[i : i+1]
			short := map[string]string{"V": "v", "A": "a", "W": "w", "Hz": "hz", "W.h": "wh", "V.A": "va", "By": "b", "bit/s": "bps"}[d.unit]
			full := map[string]string{"V": "volt", "A": "amp", "W": "watt", "Hz": "hertz", "dBm": "dbm"}[d.unit]
			long := map[byte]string{'m': "milli", 'u': "micro", 'k': "kilo", 'M': "mega", 'G': "giga", 'd': "deci", 'c': "centi"}[p[0]]
			if short != "" && w == strings.ToLower(p)+short || full != "" && long != "" && strings.HasPrefix(w, long+full) || long != "" && long != "deci" && w == long {
				unit = p + d.unit
			}
		}
		if name == "temperature" && (w == "fahrenheit" || w == "f" || w == "degf") {
			unit = "[degF]"
		}
	}
	last := ""
	for i, w := range o.words {
		if (w == "x" || w == "times") && i+1 < len(o.words) {
			last = o.words[i+1]
		}
		if w == "tenths" || w == "tenth" || w == "deci" || strings.HasPrefix(w, "deci") && w != "decibel" {
			last = "10"
		}
		if w == "hundredths" || w == "centi" {
			last = "100"
		}
	}
	factor := map[string]string{"10": "0.1", "100": "0.01", "1000": "0.001"}[last]
	if factor == "" {
		return unit
	}
	if unit == "" {
		unit = d.unit
	}
	return factor + " " + unit
}

// inRange sees from the range that the type permits that a number without a known factor has decimals.
func (o *object) inRange(unit, name string) string {
	ranges := o.node.Syntax.Ranges
	if strings.Contains(unit, " ") || len(ranges) == 0 || o.node.Syntax.Type == smi.OctetString {
		return unit
	}
	high := ranges[len(ranges)-1].High
	switch {
	case name == "percent" && high == 1000, name == "temperature" && high >= 600 && high <= 2500:
		return "0.1 " + unit
	case name == "percent" && high == 10000, name == "factor" && high == 100:
		return "0.01 " + unit
	case name == "factor" && high == 1000:
		return "0.001 " + unit
	case name == "factor" && high == 10000:
		return "0.0001 " + unit
	}
	return unit
}
