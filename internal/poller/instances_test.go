package poller

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// scalars is a device with instances, some of which it answers with an error.
type scalars struct {
	value map[string]byte
	fails map[string]bool
	down  bool
	gets  map[string]int // how often each was asked for
}

func (s *scalars) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	if s.down {
		return client.Stats{}, &access.Error{Op: "get", Reason: access.Timeout, Err: errors.New("no answer")}
	}
	var errs []error
	for _, name := range p.Get {
		s.gets[string(name)]++
		if s.fails[string(name)] {
			errs = append(errs, &access.Error{Op: "get", OID: name, Reason: access.Late, Err: errors.New("no answer")})
		} else if v, found := s.value[string(name)]; found {
			yield(snmp.VarBind{Name: name, Type: snmp.Integer, Value: []byte{v}})
		} else {
			yield(snmp.VarBind{Name: name, Type: snmp.NoSuchInstance})
		}
	}
	return client.Stats{}, errors.Join(errs...)
}

// polled is what modules receive and which errors they have, in order.
func polled(s collector.Session, modules []*collector.Module) (list []string) {
	for _, m := range modules {
		var got []string
		_, err := s.Poll(context.Background(), &m.Plan, func(v snmp.VarBind) { got = append(got, fmt.Sprint(v.Name, v.Type, v.Value)) })
		for _, e := range access.Errors(err) {
			got = append(got, e.Error())
		}
		slices.Sort(got)
		list = append(list, fmt.Sprint(m.Name, got))
	}
	return list
}

// Each module receives what it would receive alone, errors included, and no instance is asked for twice.
func TestInstancesOfAllModulesAreGotTogether(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := &scalars{map[string]byte{}, map[string]bool{}, r.IntN(10) == 0, map[string]int{}}
		var names []snmp.OID
		for i := range 12 {
			name := snmp.MustParseOID(fmt.Sprintf("1.3.%d.0", i))
			names = append(names, name)
			if d.fails[string(name)] = r.IntN(6) == 0; r.IntN(3) > 0 {
				d.value[string(name)] = byte(i)
			}
		}
		var modules []*collector.Module
		for i := range 2 + r.IntN(4) {
			m := &collector.Module{Name: fmt.Sprint("m", i)}
			for _, at := range r.Perm(len(names))[:r.IntN(5)] {
				m.Plan.Get = append(m.Plan.Get, names[at])
			}
			modules = append(modules, m)
		}
		want := polled(d, modules)
		clear(d.gets)
		got := polled(together(d, &Target{}, modules), modules)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: received is\n%q\nwant\n%q", seed, got, want)
		}
		for name, n := range d.gets {
			if n > 1 {
				t.Fatalf("seed %d: %s is asked for %d times", seed, snmp.OID(name), n)
			}
		}
	}
}
