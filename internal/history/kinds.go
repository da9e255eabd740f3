package history

import (
	"bytes"

	"trapline/internal/series"
	"trapline/internal/snmp"
)

// kind is a group of objects with the same rows, of which rates or points are kept.
type kind struct {
	name    string
	tracks  []track  // those with points first
	sources []source // of several for one track, the last one with a value counts
}

// track is a number that is kept of each row.
type track struct {
	name   string
	unit   string
	factor float64 // of a rate: multiplies it to the unit
	rate   bool    // of a counter, of which the change per second is kept
	points bool    // has a ring of points
	signed bool
}

// source is an object that a track is taken from.
type source struct {
	object []byte
	metric string // instead of object: the name of the metric
	track  int
}

func (s *source) is(d *series.Desc) bool {
	if d.Derived || d.Computed {
		return false
	}
	if s.metric != "" {
		return d.Name == s.metric
	}
	return bytes.Equal(d.Object, s.object)
}

// Interfaces is the name of the kind whose tracks are in, out, in_errors, out_errors, in_discards and out_discards.
const Interfaces = "interfaces"

func oid(text string) []byte { return snmp.MustParseOID(text) }

func counterTrack(name, unit string, factor float64, points bool) track {
	return track{name: name, unit: unit, factor: factor, rate: true, points: points}
}

// builtin are the kinds that are always kept.
var builtin = []*kind{
	{name: Interfaces, tracks: []track{
		counterTrack("in", "bit/s", 8, true), counterTrack("out", "bit/s", 8, true),
		counterTrack("in_errors", "/s", 1, false), counterTrack("out_errors", "/s", 1, false),
		counterTrack("in_discards", "/s", 1, false), counterTrack("out_discards", "/s", 1, false),
	}, sources: []source{
		{object: oid("1.3.6.1.2.1.2.2.1.10"), track: 0}, {object: oid("1.3.6.1.2.1.31.1.1.1.6"), track: 0}, // ifInOctets, ifHCInOctets
		{object: oid("1.3.6.1.2.1.2.2.1.16"), track: 1}, {object: oid("1.3.6.1.2.1.31.1.1.1.10"), track: 1}, // ifOutOctets, ifHCOutOctets
		{object: oid("1.3.6.1.2.1.2.2.1.14"), track: 2}, {object: oid("1.3.6.1.2.1.2.2.1.20"), track: 3},
		{object: oid("1.3.6.1.2.1.2.2.1.13"), track: 4}, {object: oid("1.3.6.1.2.1.2.2.1.19"), track: 5},
	}},
	gaugeKind("hrProcessorLoad", "%", "1.3.6.1.2.1.25.3.3.1.2", false),
	gaugeKind("entPhySensorValue", "", "1.3.6.1.2.1.99.1.1.1.4", true),
	gaugeKind("upsOutputPercentLoad", "%", "1.3.6.1.2.1.33.1.4.4.1.5", false),
	gaugeKind("upsEstimatedChargeRemaining", "%", "1.3.6.1.2.1.33.1.2.4", false),
}

func gaugeKind(name, unit, object string, signed bool) *kind {
	return &kind{name: name, tracks: []track{{name: name, unit: unit, points: true, signed: signed}}, sources: []source{{object: oid(object)}}}
}

// kindsOf returns the built-in kinds and those of further columns: OIDs or names of metrics.
func kindsOf(columns []string) []*kind {
	list := builtin[:len(builtin):len(builtin)]
	for _, name := range columns {
		k := &kind{name: name, tracks: []track{{name: name, points: true, signed: true}}, sources: []source{{metric: name}}}
		if o, err := snmp.ParseOID(name); err == nil {
			k.sources[0] = source{object: o}
		}
		list = append(list, k)
	}
	return list
}

// trackOf returns track i for a column: a column that the user selects is a counter or not as the metric is.
func (k *kind) trackOf(i int, d *series.Desc) track {
	t := k.tracks[i]
	if d == nil {
		return t
	}
	if t.factor == 0 && d.Type == series.Counter {
		t.rate, t.signed, t.factor, t.unit = true, false, 1, "/s"
	}
	if t.rate && d.Scale != 0 {
		t.factor /= d.Scale
	}
	return t
}
