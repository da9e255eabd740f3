package rules

import (
	"bytes"
	"errors"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"trapline/internal/series"
	"trapline/internal/snmp"
)

// pollWriter stores the samples of a poll.
type pollWriter struct {
	device   *device
	appender appender
	at       int64 // in milliseconds
	now      time.Time

	own      bool // the series are Trapline's, and not of the device
	builder  labels.ScratchBuilder
	rejected error           // why a sample was not taken; the last of them
	lost     map[string]bool // names of the series of such samples
}

func (in *pollWriter) columns(sets []*series.Set, rendered []byte) {
	for _, set := range sets {
		for i := range set.Columns {
			c := &set.Columns[i]
			if in.device.selectors.Named(c.Desc.Name) {
				in.column(c, rendered)
			}
			if bytes.Equal(c.Desc.Object, ifCounterDiscontinuityTime) {
				in.noteDiscontinuities(c)
			}
		}
	}
}

// ifCounterDiscontinuityTime is when counters of an interface last jumped (RFC 2863).
var ifCounterDiscontinuityTime = snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1.19")

// noteDiscontinuities notes a jump of the counters of a row whose discontinuity time has changed.
func (in *pollWriter) noteDiscontinuities(c *series.Column) {
	now := make(map[uint64]float64, len(c.Values))
	for i, v := range c.Values {
		row := c.Table.Row(c.RowOf(i))
		hash := hashOf(row, nil)
		if before, known := in.device.discontinuities[hash]; known && before != v {
			in.device.jumped(in.labels("", row), in.now)
		}
		now[hash] = v
	}
	in.device.discontinuities = now
}

func (in *pollWriter) column(c *series.Column, rendered []byte) {
	s := in.device.caches[c.Desc.Name]
	if s == nil {
		s = &seriesCache{}
		in.device.caches[c.Desc.Name] = s
	}
	if s.carried = c.Carried != nil; !s.carried {
		s.read = in.now
	}
	for i, v := range c.Values {
		row, extra := c.Table.Row(c.RowOf(i)), c.ExtraOf(i)
		one := s.find(hashOf(row, extra))
		var lset labels.Labels
		if one.poll <= in.device.decided {
			lset = in.labels(c.Desc.Name, rendered, row, extra)
			one.wanted = in.device.selectors.mark(lset, in.device.seen)
			in.device.grown = in.device.grown || one.wanted
		}
		known := one.poll > 0
		one.poll = in.device.poll
		if !one.wanted || s.carried {
			continue
		}
		if known && c.Desc.Type == series.Counter {
			in.detectJump(one, v, row)
		}
		one.last = v
		in.append(c.Desc.Name, one, v, func() labels.Labels {
			if lset.IsEmpty() {
				lset = in.labels(c.Desc.Name, rendered, row, extra)
			}
			return lset
		})
	}
}

// append stores a sample. It calls lset only if the store does not have the series.
func (in *pollWriter) append(name string, one *cachedSeries, v float64, lset func() labels.Labels) {
	var known labels.Labels
	if one.ref == 0 {
		if known = lset(); !in.admits(known) {
			return
		}
	}
	ref, err := in.appender.Append(one.ref, known, in.at, v)
	if err != nil && one.ref != 0 && known.IsEmpty() && !isRejected(err) {
		ref, err = in.appender.Append(0, lset(), in.at, v)
	}
	if err != nil {
		in.reject(name, err)
		return
	}
	one.ref = ref
}

// reject notes a sample that was not stored. Of duplicates, the series has the first.
func (in *pollWriter) reject(name string, err error) {
	in.rejected = err
	if errors.Is(err, storage.ErrDuplicateSampleForTimestamp) {
		return
	}
	if in.lost == nil {
		in.lost = map[string]bool{}
	}
	in.lost[name] = true
}

// isRejected reports whether an error is about the sample and not about the series.
func isRejected(err error) bool {
	return errors.Is(err, storage.ErrOutOfOrderSample) || errors.Is(err, storage.ErrDuplicateSampleForTimestamp)
}

// end marks the end of a series.
func (in *pollWriter) end(ref storage.SeriesRef) {
	_, err := in.appender.Append(ref, labels.EmptyLabels(), in.at, stale)
	if err != nil && isRejected(err) {
		in.rejected = err
	}
}

// commit stores the samples, and returns the loss if that fails.
func (in *pollWriter) commit() *loss {
	if err := in.appender.Commit(); err != nil {
		return &loss{err: err}
	}
	if in.lost != nil {
		return &loss{in.rejected, in.lost}
	}
	return nil
}

// labels returns the labels of a series. Empty values are left out.
func (in *pollWriter) labels(name string, parts ...[]byte) labels.Labels {
	in.builder.Reset()
	if name != "" {
		in.builder.Add(model.MetricNameLabel, name)
	}
	for _, part := range parts {
		for name, value := range series.Labels(part) {
			if value != "" {
				in.builder.Add(name, value)
			}
		}
	}
	in.builder.Sort()
	return in.builder.Labels()
}

// detectJump notes a jump of a counter that fell. Prometheus counts the new value as the increase since a reset; if
// that is far more than the increase between earlier polls, the counter was not reset but jumped.
func (in *pollWriter) detectJump(one *cachedSeries, v float64, row []byte) {
	if v >= one.last {
		one.step = v - one.last
		return
	}
	if v > 2*one.step {
		in.device.jumped(in.labels("", row), in.now)
	}
}

// admits reports whether a series that the target did not have in its last pass may be stored.
func (in *pollWriter) admits(lset labels.Labels) bool {
	return in.own || in.appender.Has(lset) || in.device.quota.Admit()
}
