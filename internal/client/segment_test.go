package client

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"trapline/internal/snmp"
)

// successor is an agent that answers every GETNEXT by a fixed function: it need not be in order, nor
// know the names that it is asked with. nil is the end of its MIB.
type successor func(snmp.OID) snmp.OID

var testColumn = snmp.MustParseOID("1.3.9.1")

func row(n uint32) snmp.OID { return snmp.AppendArc(bytes.Clone(testColumn), n) }

// randomAgent has up to 12 names, in order or not, and one of four ways with names it does not have.
func randomAgent(r *rand.Rand) successor {
	var names []snmp.OID
	for range r.IntN(12) {
		names = append(names, row(r.Uint32N(300)))
	}
	slices.SortFunc(names, snmp.OID.Compare)
	names = slices.CompactFunc(names, func(a, b snmp.OID) bool { return bytes.Equal(a, b) })
	names = append(names, snmp.MustParseOID("1.3.9.2.1"))
	switch r.IntN(3) {
	case 1:
		i, j := r.IntN(len(names)), r.IntN(len(names))
		names[i], names[j] = names[j], names[i]
	case 2:
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	}
	unknown := r.IntN(4)
	return func(o snmp.OID) snmp.OID {
		if i := slices.IndexFunc(names, func(n snmp.OID) bool { return bytes.Equal(n, o) }); i >= 0 {
			if i+1 < len(names) {
				return names[i+1]
			}
			return nil
		}
		later := slices.IndexFunc(names, func(n snmp.OID) bool { return n.Compare(o) > 0 })
		switch {
		case unknown == 0 || bytes.Equal(o, testColumn):
			if later >= 0 {
				return names[later]
			}
		case unknown == 1:
			return names[len(o)*7%len(names)]
		case unknown == 2 && later > 0:
			return names[later-1]
		}
		return nil
	}
}

// answer returns the agent's response to a GETBULK, truncated at random as agents do.
func (next successor) answer(o snmp.OID, repetitions int, r *rand.Rand) (list []byte) {
	for range 1 + r.IntN(max(repetitions, 1)) {
		n := next(o)
		if n == nil {
			return snmp.AppendVarBind(list, snmp.VarBind{Name: o, Type: snmp.EndOfMibView})
		}
		list = snmp.AppendVarBind(list, snmp.VarBind{Name: n, Type: snmp.Integer, Value: []byte{1}})
		o = n
	}
	return list
}

// strict returns the result of a strict walk, the reference for all walks.
func (next successor) strict() (rows []snmp.OID, err error) {
	for at := testColumn; ; {
		n := next(at)
		if n == nil || !n.HasPrefix(testColumn) {
			return rows, nil
		}
		if n.Compare(at) <= 0 {
			return rows, errOrder
		}
		rows, at = append(rows, n), n
	}
}

// inSegments walks with the engine's own code, from splits that may or may not be rows.
func (next successor) inSegments(splits []snmp.OID, r *rand.Rand) (rows []snmp.OID, err error) {
	var memory arena
	segments := make([]segment, len(splits)+1)
	start := testColumn
	for i := range segments {
		s := &segments[i]
		s.column = &column{root: testColumn}
		s.arena, s.start, s.last = &memory, start, bytes.Clone(start)
		if i < len(splits) {
			s.end, start = splits[i], splits[i]
		}
		for !s.done {
			if _, err := s.accept(testColumn, next.answer(s.last, 1+r.IntN(6), r), 1000); err != nil {
				return nil, err
			}
		}
	}
	if !join(segments) {
		return nil, errors.New("the segments do not fit together")
	}
	c := column{segments: segments}
	c.eachRow(func(v *snmp.VarBind) { rows = append(rows, bytes.Clone(v.Name)) })
	return rows, nil
}

// For any function of an agent, either the segments are detected as inconsistent, or they equal the
// result of a successful strict walk.
func TestSegmentsEqualTheStrictWalk(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	equal, flagged := 0, 0
	for trial := range 300_000 {
		next := randomAgent(r)
		var splits []snmp.OID
		for range r.IntN(5) {
			splits = append(splits, row(r.Uint32N(320)))
		}
		slices.SortFunc(splits, snmp.OID.Compare)
		splits = slices.CompactFunc(splits, func(a, b snmp.OID) bool { return bytes.Equal(a, b) })
		got, err := next.inSegments(splits, r)
		if err != nil {
			flagged++
			continue
		}
		want, err := next.strict()
		if err != nil || !slices.EqualFunc(got, want, func(a, b snmp.OID) bool { return bytes.Equal(a, b) }) {
			t.Fatalf("trial %d: in segments from %v: %v; strictly: %v, %v", trial, splits, got, want, err)
		}
		equal++
	}
	t.Logf("%d equal, %d found not to fit", equal, flagged)
	if equal < 50_000 || flagged < 10_000 {
		t.Error("the trials are too one-sided to show anything")
	}
}

func TestSplitsFillAnAnswer(t *testing.T) {
	x := splitter{payloadLimit: 100}
	for i := range 10 {
		x.add([]byte{byte(i)}, 30)
	}
	got := x.finish()
	if len(got) != 4 || got[0].rows != 3 || got[0].end != "\x02" || got[3].rows != 1 || got[3].end != "" {
		t.Errorf("got %v", got)
	}
}
