package measure

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"trapline/internal/setting"
)

// function is what a conversion does besides multiplying.
type function byte

const (
	linear     function = iota
	fahrenheit          // to degrees Celsius
	kelvin              // to degrees Celsius
	decibels            // watts to dBm
	rest                // 1 - x: idle to utilization
)

// unit is a unit in which devices count.
type unit struct {
	base   string // unit of the series
	factor string // of the base unit, as a decimal or a fraction
	f      function
}

// units are the UCUM units that a measure may state, and those of devices that UCUM does not have.
var units = map[string]unit{
	"Cel": {base: "Cel"}, "[degF]": {base: "Cel", f: fahrenheit}, "K": {base: "Cel", f: kelvin}, "mCel": {base: "Cel", factor: "1/1000"},
	"rpm": {base: "rpm"}, "1": {base: "1"}, "%": {base: "1", factor: "1/100"}, "% idle": {base: "1", factor: "1/100", f: rest},
	"V": {base: "V"}, "mV": {base: "V", factor: "1/1000"}, "uV": {base: "V", factor: "1/1000000"}, "kV": {base: "V", factor: "1000"},
	"A": {base: "A"}, "mA": {base: "A", factor: "1/1000"}, "uA": {base: "A", factor: "1/1000000"}, "kA": {base: "A", factor: "1000"},
	"Hz": {base: "Hz"}, "mHz": {base: "Hz", factor: "1/1000"}, "kHz": {base: "Hz", factor: "1000"}, "MHz": {base: "Hz", factor: "1000000"}, "GHz": {base: "Hz", factor: "1000000000"},
	"W": {base: "W"}, "mW": {base: "W", factor: "1/1000"}, "uW": {base: "W", factor: "1/1000000"}, "nW": {base: "W", factor: "1/1000000000"}, "kW": {base: "W", factor: "1000"},
	"MW": {base: "W", factor: "1000000"}, "[Btu]/h": {base: "W", factor: "52752792631/180000000000"},
	"VA": {base: "VA"}, "V.A": {base: "VA"}, "kVA": {base: "VA", factor: "1000"}, "kV.A": {base: "VA", factor: "1000"},
	"J": {base: "J"}, "kJ": {base: "J", factor: "1000"}, "W.s": {base: "J"}, "W.h": {base: "J", factor: "3600"}, "kW.h": {base: "J", factor: "3600000"}, "MW.h": {base: "J", factor: "3600000000"},
	"us": {base: "s", factor: "1/1000000"}, "ms": {base: "s", factor: "1/1000"}, "cs": {base: "s", factor: "1/100"}, "s": {base: "s"}, "min": {base: "s", factor: "60"},
	"h": {base: "s", factor: "3600"}, "d": {base: "s", factor: "86400"},
	"dB": {base: "dB"}, "dBm": {base: "dBm"},
	"Pa": {base: "Pa"}, "hPa": {base: "Pa", factor: "100"}, "mbar": {base: "Pa", factor: "100"}, "kPa": {base: "Pa", factor: "1000"}, "bar": {base: "Pa", factor: "100000"}, "[psi]": {base: "Pa", factor: "6894.757293168"},
	"m3/s": {base: "m3/s"}, "L/s": {base: "m3/s", factor: "1/1000"}, "m3/h": {base: "m3/s", factor: "1/3600"}, "[cft_i]/min": {base: "m3/s", factor: "0.0004719474432"}, "cfm": {base: "m3/s", factor: "0.0004719474432"},
	"L/min": {base: "L/min"}, "[gal_us]/min": {base: "L/min", factor: "3.785411784"},
	"By": {base: "By"}, "kBy": {base: "By", factor: "1000"}, "MBy": {base: "By", factor: "1000000"}, "GBy": {base: "By", factor: "1000000000"}, "TBy": {base: "By", factor: "1000000000000"},
	"KiBy": {base: "By", factor: "1024"}, "MiBy": {base: "By", factor: "1048576"}, "GiBy": {base: "By", factor: "1073741824"}, "TiBy": {base: "By", factor: "1099511627776"},
	"bit/s": {base: "bit/s"}, "kbit/s": {base: "bit/s", factor: "1000"}, "Mbit/s": {base: "bit/s", factor: "1000000"}, "Gbit/s": {base: "bit/s", factor: "1000000000"},
	"By/s": {base: "bit/s", factor: "8"}, "kBy/s": {base: "bit/s", factor: "8000"}, "KiBy/s": {base: "bit/s", factor: "8192"}, "MBy/s": {base: "bit/s", factor: "8000000"},
	"cm": {base: "m", factor: "1/100"}, "m": {base: "m"}, "km": {base: "m", factor: "1000"}, "[ft_i]": {base: "m", factor: "0.3048"}, "[mi_i]": {base: "m", factor: "1609.344"},
}

// also are the units in which the series of another unit may be counted as well, with what becomes of the number.
var also = map[string]map[string]function{
	"dBm":   {"W": decibels},
	"{}":    {"1": linear},
	"L/min": {"m3/s": linear},
	"m3/s":  {"L/min": linear},
}

// bridge are the factors of also that are not 1.
var bridge = map[[2]string]string{{"m3/s", "L/min"}: "60000", {"L/min", "m3/s"}: "1/60000"}

// Conversion makes a number of a device the value of a series: the number times Mul, divided by Div, then a function.
type Conversion struct {
	Mul, Div float64
	function function
}

// value returns the value that a number of the device stands for.
func (c *Conversion) value(x float64) float64 {
	if c.Mul != 1 || c.Div != 1 {
		x = x * c.Mul / c.Div
	}
	switch c.function {
	case linear:
	case fahrenheit:
		return (x - 32) * 5 / 9
	case kelvin:
		return x - 273.15
	case decibels:
		return 10 * math.Log10(x*1000)
	case rest:
		return 1 - x
	}
	return x
}

// Fits returns the unit of the series of m whose objects count in the unit text, such as "0.1 Cel", and how the numbers
// become values. Empty text is the unit of the series.
func (m *Metric) Fits(text string) (base string, c Conversion, err error) {
	if len(m.Units) == 0 {
		if text != "" {
			err = fmt.Errorf("%s has no unit: leave unit out", m.Name)
		}
		return "", Conversion{Mul: 1, Div: 1}, err
	}
	if text == "" {
		return m.Units[0], Conversion{Mul: 1, Div: 1}, nil
	}
	u, factor, err := parseUnit(text)
	if err != nil {
		return "", c, fmt.Errorf("%w: %s", err, m.unitInstead(text))
	}
	if m.Name == "hw_fan_speed" && u.base == "Hz" {
		u.base, factor = "rpm", factor.Mul(factor, big.NewRat(60, 1))
	}
	for _, base := range m.Units {
		f, ok := u.f, base == u.base
		if other, convertible := also[base][u.base]; !ok && convertible {
			f, ok = other, true
			if by, more := bridge[[2]string{u.base, base}]; more {
				factor.Mul(factor, rational(by))
			}
		}
		if ok {
			mul, _ := new(big.Float).SetInt(factor.Num()).Float64()
			div, _ := new(big.Float).SetInt(factor.Denom()).Float64()
			return base, Conversion{mul, div, f}, nil
		}
	}
	return "", c, fmt.Errorf("%s is not measured in %s: %s", m.Name, text, m.unitInstead(text))
}

// unitInstead says which unit to write in the place of text.
func (m *Metric) unitInstead(text string) string {
	own := m.ObjectUnits()
	if number, name := cutFactor(text); number != "" {
		if near := setting.Nearest(name, own); near != "" || slices.Contains(own, name) {
			return setting.Question(strings.TrimSpace(number + " " + cmp.Or(near, name)))
		}
	}
	if question := setting.DidYouMean(text, own); question != "" {
		return question
	}
	return "write a unit of " + strings.Join(own, ", ")
}

// cutFactor cuts "0.1Cel" behind its factor, which a space has to follow.
func cutFactor(text string) (factor, name string) {
	name = strings.TrimLeft(text, "0123456789./")
	return text[:len(text)-len(name)], strings.TrimSpace(name)
}

// parseUnit reads "0.1 Cel", "1/128 Cel", "Cel" or "4096 By".
func parseUnit(text string) (unit, *big.Rat, error) {
	factor, name := big.NewRat(1, 1), strings.TrimSpace(text)
	u, known := units[name]
	if front, rest, found := strings.Cut(name, " "); !known && found {
		if f, ok := parseFactor(front); ok {
			factor, name = f, strings.TrimSpace(rest)
			u, known = units[name]
		}
	}
	if !known {
		if f, ok := parseFactor(name); ok { // "0.1" is a factor of 1
			return units["1"], f, nil
		}
		return unit{}, nil, fmt.Errorf("unknown unit %q", name)
	}
	if u.factor != "" {
		factor.Mul(factor, rational(u.factor))
	}
	return u, factor, nil
}

// maxFactor is how long a factor may be written.
const maxFactor = 30

func parseFactor(text string) (*big.Rat, bool) {
	if len(text) > maxFactor || strings.ContainsAny(text, "eEpPxX_") {
		return nil, false
	}
	f, ok := new(big.Rat).SetString(text)
	return f, ok && f.Sign() != 0
}

func rational(text string) *big.Rat {
	r, _ := new(big.Rat).SetString(text)
	return r
}

// ObjectUnits lists the units that objects of the metric may count in, without factors.
func (m *Metric) ObjectUnits() []string {
	var list []string
	for name, u := range units {
		for _, base := range m.Units {
			if _, convertible := also[base][u.base]; convertible || u.base == base {
				list = append(list, name)
				break
			}
		}
	}
	slices.Sort(list)
	return list
}
