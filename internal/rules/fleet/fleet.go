// Package fleet has a member of a cluster look at the samples of others: those that rules over several targets select, and
// those of a shard before it moved. It says how they are asked for, read and stored, and sends nothing itself.
package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"trapline/internal/rules/expression"
	"trapline/internal/rules/tables"
)

// Bounds of a request and of an answer.
const (
	MaxRequest = 4 << 20   // octets
	MaxAnswer  = 256 << 20 // octets
	maxSeries  = 2_000_000
	maxSamples = 20_000_000
)

// targetLabel is the label of the target's name.
const targetLabel = "target"

// Request asks a member for samples.
type Request struct {
	Match []string `json:"match"` // selectors of series

	// Since is the time from which all samples are asked for, in milliseconds by the wall clock; 0 asks for the last of each
	// series that has not ended.
	Since int64 `json:"since,omitempty"`

	// Targets are those whose samples are asked for; none means all that the member polls.
	Targets []string `json:"targets,omitempty"`

	// Query is set for the samples of a query, up to the time Until: with the marks by which series end, and with series that
	// have no target if the member evaluates rules over several of them. Series and Samples bound the answer if they are not 0.
	Query   bool  `json:"query,omitempty"`
	Until   int64 `json:"until,omitempty"`
	Series  int   `json:"series,omitempty"`
	Samples int   `json:"samples,omitempty"`

	// Rows asks for rows of last polls, and nothing else.
	Rows []tables.Wanted `json:"rows,omitempty"`
}

// Last reports whether the request is for the last samples of series, which rules over several targets look at.
func (r *Request) Last() bool { return len(r.Rows) == 0 && !r.Query && r.Since == 0 }

// Answer is the answer to a Request.
type Answer struct {
	Polled []string `json:"polled"` // targets that the member polls, with a poll that has ended since it took them
	Series []Series `json:"series"`

	Rows []*tables.Row `json:"rows,omitempty"` // in the order of the request; null is of a target that the member does not poll
}

// Series is a series with its samples, the oldest first.
type Series struct {
	Labels labels.Labels `json:"labels"`
	Times  []int64       `json:"t"` // in milliseconds by the wall clock
	Values []Number      `json:"v"`
}

// Number is a value that may be infinite or NaN, which JSON lacks.
type Number float64

// ends is the text of the NaN by which a series ends.
const ends = "end"

// MarshalText writes any value.
func (n Number) MarshalText() ([]byte, error) {
	if value.IsStaleNaN(float64(n)) {
		return []byte(ends), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

// UnmarshalText parses the text of MarshalText.
func (n *Number) UnmarshalText(text []byte) error {
	if string(text) == ends {
		*n = Number(math.Float64frombits(value.StaleNaN))
		return nil
	}
	f, err := strconv.ParseFloat(string(text), 64)
	*n = Number(f)
	return err
}

// Refused is the error of a member that answers, and has no samples for a request.
type Refused struct{ Member, Text string }

func (r *Refused) Error() string {
	return fmt.Sprintf("member %s has no samples: %s", r.Member, r.Text)
}

// ReadRequest reads a request of another member.
func ReadRequest(from io.Reader) (*Request, error) {
	var r Request
	return &r, decode(from, MaxRequest, &r)
}

// ReadAnswer reads the answer of another member.
func ReadAnswer(from io.Reader) (*Answer, error) {
	var a Answer
	if err := decode(from, MaxAnswer, &a); err != nil {
		return nil, err
	}
	for i := range a.Series {
		s := &a.Series[i]
		if len(s.Times) == 0 || len(s.Times) != len(s.Values) || !s.Labels.Has(model.MetricNameLabel) {
			return nil, fmt.Errorf("the series %s has no name or no samples", s.Labels)
		}
	}
	return &a, nil
}

// Keep leaves out the series of all but these targets.
func (a *Answer) Keep(targets []string) {
	wanted := make(map[string]bool, len(targets))
	for _, name := range targets {
		wanted[name] = true
	}
	a.Series = slices.DeleteFunc(a.Series, func(s Series) bool { return !wanted[s.Labels.Get(targetLabel)] })
}

func decode(from io.Reader, most int64, to any) error {
	limited := &io.LimitedReader{R: from, N: most + 1}
	err := json.NewDecoder(limited).Decode(to)
	if limited.N <= 0 {
		return fmt.Errorf("there are more than %d octets", most)
	}
	return err
}

// Source has the samples of a member. The clock of its rules is behind the wall clock by Ahead.
type Source struct {
	Samples  storage.Queryable
	Now      int64                    // of its clock, in milliseconds
	Lookback int64                    // how old a last sample may be
	Ahead    int64                    // by which the wall clock is ahead of its clock
	Has      func(target string) bool // whether the member has the samples of a target
	Global   bool                     // the member evaluates the rules over several targets, whose series may have no target
}

// has reports whether the member has a series of a target, or of none, for a query.
func (s *Source) has(target string) bool {
	return target == "" && s.Global || target != "" && s.Has(target)
}

func tooMany(series, samples int) error {
	return fmt.Errorf("there are more than %d series or %d samples: select fewer", series, samples)
}

// Select returns the series that a request asks for.
func (s *Source) Select(ctx context.Context, r *Request) (list []Series, err error) {
	wanted := map[string]bool{}
	for _, name := range r.Targets {
		wanted[name] = true
	}
	is := func(target string) bool {
		if r.Query && (len(r.Targets) == 0 || target == "" || wanted[target]) {
			return s.has(target)
		}
		return wanted[target] || len(r.Targets) == 0 && s.Has(target)
	}
	from, until := s.Now-s.Lookback, s.Now
	if r.Since != 0 || r.Query {
		from = r.Since - s.Ahead
	}
	if r.Query {
		until = r.Until - s.Ahead
	}
	mostSeries, mostSamples := within(r.Series, maxSeries), within(r.Samples, maxSamples)
	q, err := s.Samples.Querier(from, until)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	seen, total := map[uint64]bool{}, 0
	for _, text := range r.Match {
		matchers, err := expression.Parser.ParseMetricSelector(text)
		if err != nil {
			return nil, err
		}
		set := q.Select(ctx, false, nil, matchers...)
		for set.Next() {
			of := set.At().Labels()
			if !is(of.Get(targetLabel)) || seen[of.Hash()] {
				continue
			}
			seen[of.Hash()] = true
			one := Series{Labels: of}
			if err := s.read(&one, set.At(), r, until); err != nil {
				return nil, err
			}
			if len(one.Times) > 0 {
				list = append(list, one)
			}
			if total += len(one.Times); total > mostSamples || len(list) > mostSeries {
				return nil, tooMany(mostSeries, mostSamples)
			}
		}
		if err := set.Err(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// within returns a bound of a request, which may be 0 for that of all.
func within(bound, most int) int {
	if bound <= 0 {
		return most
	}
	return min(bound, most)
}

// read reads the samples of a series, or the last if it does not end the series.
func (s *Source) read(one *Series, from storage.Series, r *Request, until int64) error {
	it := from.Iterator(nil)
	for it.Next() == chunkenc.ValFloat {
		t, v := it.At()
		if r.Query && t > until {
			break
		}
		if r.Since == 0 && !r.Query {
			one.Times, one.Values = one.Times[:0], one.Values[:0]
		}
		if r.Query || !value.IsStaleNaN(v) {
			one.Times, one.Values = append(one.Times, t+s.Ahead), append(one.Values, Number(v))
		}
	}
	return it.Err()
}

// Appender appends samples that are committed together.
type Appender interface {
	Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error)
	Commit() error
}

// Restore stores the samples of a shard that another member had until now.
func Restore(to Appender, a *Answer, now, ahead int64) error {
	for i := range a.Series {
		s := &a.Series[i]
		var ref storage.SeriesRef
		for j, t := range s.Times {
			if stored, err := to.Append(ref, s.Labels, min(t-ahead, now), float64(s.Values[j])); err == nil { // else there are later ones
				ref = stored
			}
		}
	}
	return to.Commit()
}
