package client_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"

	"trapline/internal/client"
	"trapline/internal/mux"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// strictWalk is a session that polls an agent for one object at a time, by GET and GETNEXT. It is
// slow, simple, and the reference for correct results.
type strictWalk struct {
	agent *lawAgent
	steps int // requests, also those for the end of each column
}

func (s *strictWalk) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (mux.Stats, error) {
	s.agent.mu.Lock()
	defer s.agent.mu.Unlock()
	objects := s.agent.objects
	s.steps += len(p.Columns)
	for _, name := range p.Get {
		s.steps++
		if at, found := s.agent.find(name); found {
			yield(objects[at].varBind())
		} else {
			yield(snmp.VarBind{Name: name, Type: snmp.NoSuchInstance})
		}
	}
	for _, name := range p.Next {
		s.steps++
		if at := s.agent.after(name.First()); at < len(objects) && objects[at].kind.HasValue() {
			yield(objects[at].varBind())
		}
	}
	for _, root := range p.Walk {
		s.walk(root, yield)
	}
	return mux.Stats{}, nil
}

// walk goes from name to name. An instance has nothing below it, but a value of its own.
func (s *strictWalk) walk(root snmp.OID, yield func(snmp.VarBind)) {
	objects := s.agent.objects
	first := s.agent.after(root.First())
	at := first
	for ; at < len(objects) && objects[at].name.HasPrefix(root); at++ {
		s.steps++
		if objects[at].kind.HasValue() {
			yield(objects[at].varBind())
		}
	}
	s.steps++
	if self, found := s.agent.find(root); found && at == first && bytes.Equal(root, root.First()) {
		yield(objects[self].varBind())
	}
}

var lawSeed = maphash.MakeSeed()

// digest is the same for sets with the same samples, in whatever order.
func digest(sets []*series.Set) (sum uint64, samples int) {
	var line []byte
	eachSample(sets, &line, func() {
		sum += maphash.Bytes(lawSeed, line)
		samples++
	})
	return sum, samples
}

// eachSample writes one sample after the other into line.
func eachSample(sets []*series.Set, line *[]byte, f func()) {
	for _, s := range sets {
		for i := range s.Columns {
			c := &s.Columns[i]
			for n, value := range c.Values {
				b := append(append((*line)[:0], c.Desc.Name...), '{')
				b = append(b, c.Table.Row(c.RowOf(n))...)
				b = append(append(append(b, ' '), c.ExtraOf(n)...), "} "...)
				*line = strconv.AppendFloat(b, value, 'g', -1, 64)
				f()
			}
		}
	}
}

// unlike shows where two lots of sets differ.
func unlike(got, want []*series.Set) string {
	lines := func(sets []*series.Set) map[string]int {
		m, line := map[string]int{}, []byte(nil)
		eachSample(sets, &line, func() { m[string(line)]++ })
		return m
	}
	have, need := lines(got), lines(want)
	beyond := func(a, b map[string]int) (list []string) {
		for line, n := range a {
			if n > b[line] {
				list = append(list, line)
			}
		}
		slices.Sort(list)
		return list
	}
	missing, extra := beyond(need, have), beyond(have, need)
	return fmt.Sprintf("%d samples are missing: %q; %d are too many: %q", len(missing), missing[:min(3, len(missing))], len(extra), extra[:min(3, len(extra))])
}
