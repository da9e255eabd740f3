package agent

import (
	"math"
	"time"
)

// Growth is a number that only grows: a counter or TimeTicks. It wraps where its type ends.
type Growth struct {
	Start uint64  // when the device comes up
	Rate  float64 // per second, on average
	// Swing is by how much the rate rises and falls around its average in the course of a Period:
	// 0.5 is from half of it to one and a half. Above 1 the number would shrink.
	Swing  float64
	Period time.Duration
	Phase  float64 // in radians: where in the period the device comes up
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

// Shape is the function of time that a Wave follows.
type Shape byte

// The shapes, by their names in an snmprec file.
const (
	Line   Shape = iota
	Sine         // sin
	Cosine       // cos
	Pulse        // pulse, of our own: 1 for Width after each 1/Rate seconds, else 0
)

var shapeNames = map[string]Shape{"sin": Sine, "cos": Cosine, "pulse": Pulse}

// Wave is a number that goes up and down, in the terms of snmpsim's numeric module:
//
//	Initial + Offset + Scale × shape(Rate × seconds) ± Deviation
//
// and then kept between Min and Max.
type Wave struct {
	Shape     Shape
	Wrap      bool // beyond Max it starts again at Min
	Initial   float64
	Offset    float64
	Scale     float64
	Rate      float64 // per second; for Sine and Cosine in radians
	Phase     float64 // in radians; for Pulse in seconds: when the first begins
	Width     float64 // of a Pulse, in seconds
	Deviation float64
	Min, Max  float64
}

// at gives the number as the bits of a signed one.
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

// noise is a number from -1 to 1 that is another one every second, and the same one in every run.
func noise(seed, seconds float64) float64 {
	x := math.Float64bits(seed) ^ uint64(seconds)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64(int64(x^x>>31)) / (1 << 63)
}
