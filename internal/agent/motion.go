package agent

import (
	"math"
	"time"
)

// Growth is a monotonic value: a counter or TimeTicks. It wraps at the maximum of its type.
type Growth struct {
	Start uint64  // at uptime 0
	Rate  float64 // average, per second
	// Swing is the relative amplitude of the rate around its average within a Period: 0.5 means
	// from a half to one and a half. It must not exceed 1, or the value would decrease.
	Swing  float64
	Period time.Duration
	Phase  float64 // in radians, at uptime 0
}

func (g *Growth) at(seconds float64) uint64 {
	grown := g.Rate * seconds
	if g.Swing != 0 && g.Period > 0 {
		perSecond := 2 * math.Pi / g.Period.Seconds()
		grown += g.Rate * g.Swing / perSecond * (math.Cos(g.Phase) - math.Cos(perSecond*seconds+g.Phase))
	}
	if grown < 0 {
		return g.Start - uint64(-grown)
	}
	return g.Start + uint64(grown)
}

// Shape is the function of time of a Wave.
type Shape byte

// The shapes, with their names in an snmprec file.
const (
	Line   Shape = iota
	Sine         // sin
	Cosine       // cos
	Pulse        // pulse, an extension: 1 for Width after each 1/Rate seconds, else 0
)

var shapeNames = map[string]Shape{"sin": Sine, "cos": Cosine, "pulse": Pulse}

// Wave is a value that rises and falls, with the parameters of snmpsim's numeric module:
//
//	Initial + Offset + Scale × shape(Rate × seconds) ± Deviation
//
// limited to the range from Min to Max.
type Wave struct {
	Shape     Shape
	Wrap      bool // beyond Max it restarts at Min
	Initial   float64
	Offset    float64
	Scale     float64
	Rate      float64 // per second; in radians for Sine and Cosine
	Phase     float64 // in radians; for Pulse the start of the first, in seconds
	Width     float64 // of a Pulse, in seconds
	Deviation float64
	Min, Max  float64
}

// at returns the bits of the value as a signed integer.
func (w *Wave) at(seconds float64) uint64 {
	x := w.Rate * seconds
	switch w.Shape {
	case Sine:
		x = math.Sin(x + w.Phase)
	case Cosine:
		x = math.Cos(x + w.Phase)
	case Pulse:
		x = 0
		if since := seconds - w.Phase; since >= 0 && math.Mod(since, 1/w.Rate) < w.Width {
			x = 1
		}
	}
	v := w.Initial + w.Offset + w.Scale*x
	if w.Deviation != 0 {
		v += w.Deviation * noise(w.Initial+w.Rate, seconds)
	}
	if v > w.Max && w.Wrap && w.Max > 0 {
		v = math.Mod(v, w.Max) + w.Min
	}
	v = min(max(v, w.Min), w.Max)
	switch {
	case v >= math.MaxUint64:
		return math.MaxUint64
	case v >= 0:
		return uint64(v)
	}
	return uint64(int64(v))
}

// noise returns a number from -1 to 1 that changes every second and is the same in every run.
func noise(seed, seconds float64) float64 {
	x := math.Float64bits(seed) ^ uint64(seconds)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64(int64(x^x>>31)) / (1 << 63)
}
