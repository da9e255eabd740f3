package profile

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// randomBook returns profiles and modules of few enterprises, so that many of them apply to one device.
func randomBook(r *rand.Rand) (map[string]*Settings, map[string]*collector.Settings) {
	modules := map[string]*collector.Settings{}
	for i := range 3 + r.IntN(8) {
		modules[fmt.Sprint("m", i)] = reading(fmt.Sprintf("1.3.6.1.4.1.%d.%d", 1+r.IntN(3), r.IntN(4)), fmt.Sprintf("1.3.5.%d", r.IntN(4)))
	}
	names := slices.Sorted(maps.Keys(modules))
	some := func() (list []string) {
		for range r.IntN(3) {
			list = append(list, names[r.IntN(len(names))])
		}
		return list
	}
	profiles := map[string]*Settings{Default: {Modules: some()}}
	for i := range r.IntN(8) {
		p := &Settings{Modules: some(), Without: some()[:0]}
		if r.IntN(3) > 0 {
			p.SysObjectIDs = oids([]string{"1.3.6.1.4.1.1", "1.3.6.1.4.1.1.2", "1.3.6.1.4.1.2"}[r.IntN(3)])
		}
		if r.IntN(3) == 0 {
			p.SysDescr = pattern([]string{"a", "b"}[r.IntN(2)])
		}
		if r.IntN(3) == 0 {
			p.Probe = oids(fmt.Sprintf("1.3.5.%d", r.IntN(4)))
		}
		if r.IntN(4) == 0 {
			p.Without = some()
		}
		if r.IntN(4) == 0 {
			p.Exclusive = some()
		}
		profiles[fmt.Sprint("p", i)] = p
	}
	return profiles, modules
}

func randomDevice(r *rand.Rand) *fakeDevice {
	d := &fakeDevice{id: []string{"", "1.3.6.1.4.1.1.2.9", "1.3.6.1.4.1.1.3", "1.3.6.1.4.1.2"}[r.IntN(4)], descr: []string{"", "a", "ab"}[r.IntN(3)]}
	for range r.IntN(10) {
		d.has = append(d.has, fmt.Sprintf("1.3.6.1.4.1.%d.%d.1.1", 1+r.IntN(3), r.IntN(4)), fmt.Sprintf("1.3.5.%d.0", r.IntN(4)))
	}
	return d
}

// answer is what a choice says, whatever the order.
func answer(c *Choice) string {
	var list []string
	for _, m := range c.Modules {
		list = append(list, "+"+m.Module.Name)
	}
	for _, m := range c.Absent {
		list = append(list, "-"+m.Module.Name)
	}
	for _, m := range c.Profiles {
		list = append(list, "p"+m.Profile+m.Prefix.String())
	}
	slices.Sort(list)
	return fmt.Sprint(list, c.Enterprises)
}

// The names of profiles, which give their order, do not matter to what is chosen.
func TestOrderOfProfilesDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		profiles, modules := randomBook(r)
		renamed := map[string]*Settings{Default: profiles[Default]}
		was := map[string]string{}
		for i, at := range r.Perm(len(profiles) - 1) {
			renamed[fmt.Sprint("q", at)] = profiles[fmt.Sprint("p", i)]
			was[fmt.Sprint("q", at)] = fmt.Sprint("p", i)
		}
		d := randomDevice(r)
		a, err := NewRegistry(profiles, candidates(modules)).Choose(t.Context(), d, client.Params{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := NewRegistry(renamed, candidates(modules)).Choose(t.Context(), d, client.Params{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range b.Profiles {
			m.Profile = was[m.Profile]
		}
		if answer(a) != answer(b) {
			t.Fatalf("%+v: chosen is\n%s\nand in another order of profiles\n%s", d, answer(a), answer(b))
		}
	}
}

// Whatever answers are lost on the way, a device that keeps its objects keeps its modules, and has all of them once
// nothing is lost.
func TestLostAnswersAndRepeatedChoicesChangeNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		profiles, modules := randomBook(r)
		b, d := NewRegistry(profiles, candidates(modules)), randomDevice(r)
		want, err := b.Choose(t.Context(), d, client.Params{})
		if err != nil {
			t.Fatal(err)
		}
		k, now := ChoiceCache{Registry: b}, time.Unix(1e9, 0)
		whole := false // there was a choice without loss
		for range 6 {
			d.lost = randomLoss(r, d)
			before := d.probes
			c, err := k.Choice(t.Context(), d, client.Params{}, now)
			if err != nil {
				t.Fatal(err)
			}
			whole = whole || len(d.lost) == 0 && d.probes > before
			if got := answer(c); whole && got != answer(want) {
				t.Fatalf("%+v: chosen is\n%s\nwant\n%s", d, got, answer(want))
			}
			now = now.Add([]time.Duration{time.Minute, doubtPeriod, Period}[r.IntN(3)])
		}
		d.lost = nil
		c, err := k.Choice(t.Context(), d, client.Params{}, now.Add(Period))
		if err != nil || answer(c) != answer(want) {
			t.Fatalf("%+v: chosen at last is\n%s\nwant\n%s; %v", d, answer(c), answer(want), err)
		}
	}
}

// randomLoss returns objects whose answers are lost, none half of the time. Without sysObjectID nothing can be chosen
// the first time.
func randomLoss(r *rand.Rand, d *fakeDevice) (lost []string) {
	if r.IntN(2) == 0 {
		return nil
	}
	lost = append(lost, []string{sysDescr.String(), "1.3.6.1.4.1.0", "1.3.6.1.4.1.1", "1.3.6.1.4.1.2"}[r.IntN(4)])
	for _, oid := range d.has {
		if name := snmp.MustParseOID(oid); r.IntN(4) == 0 {
			lost = append(lost, oid, name.Parent().Parent().String(), name.Parent().String())
		}
	}
	return lost
}

// A device that becomes another one, or gets and loses enterprises, has the modules of what it is with the next choice of
// which no answer is lost; until then those of what it was, or of what it is.
func TestChangedDevicesGetTheirModules(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		profiles, modules := randomBook(r)
		b := NewRegistry(profiles, candidates(modules))
		d, now := randomDevice(r), time.Unix(1e9, 0)
		k := ChoiceCache{Registry: b}
		for range 5 {
			if r.IntN(2) == 0 {
				*d = *randomDevice(r)
			} else {
				d.has = randomDevice(r).has
			}
			want, err := b.Choose(t.Context(), d, client.Params{})
			if err != nil {
				t.Fatal(err)
			}
			for range r.IntN(3) {
				d.lost = randomLoss(r, d)
				if _, err := k.Choice(t.Context(), d, client.Params{}, now); err != nil {
					t.Fatal(err)
				}
				now = now.Add([]time.Duration{time.Minute, doubtPeriod, Period}[r.IntN(3)])
			}
			d.lost = nil
			now = now.Add(Period)
			c, err := k.Choice(t.Context(), d, client.Params{}, now)
			if err != nil || answer(c) != answer(want) {
				t.Fatalf("%+v: chosen is\n%s\nwant\n%s; %v", d, answer(c), answer(want), err)
			}
			if again, err := k.Choice(t.Context(), d, client.Params{}, now.Add(time.Hour)); err != nil || again != c {
				t.Fatalf("an hour later, the choice is another: %v", err)
			}
		}
	}
}

// Of a device with very many enterprises, or one that names others with each request, only so many are searched for, and
// the choice says so.
func TestEnterprisesAreBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	profiles, modules := randomBook(r)
	b := NewRegistry(profiles, candidates(modules))
	for n := range 40 {
		d := &fakeDevice{}
		for i := range n {
			d.has = append(d.has, fmt.Sprintf("1.3.6.1.4.1.%d.1.1", 5*i+1))
		}
		c, err := b.Choose(t.Context(), d, client.Params{})
		if err != nil || c.More != (n >= maxEnterprises) || len(c.Enterprises) != min(n, maxEnterprises) || strings.Contains(fmt.Sprint(c.Reasons()), "more enterprises") != c.More {
			t.Errorf("%d enterprises: %d are found, more %v; %v; %v", n, len(c.Enterprises), c.More, c.Reasons(), err)
		}
	}
	for range 50 {
		d := &restless{r: r}
		c, err := b.Choose(t.Context(), d, client.Params{})
		if err != nil || len(c.Enterprises) > 2*maxEnterprises || d.requests > maxEnterprises+3 {
			t.Errorf("%d enterprises by %d requests; %v", len(c.Enterprises), d.requests, err)
		}
	}
}

// restless is a device that has other enterprises with each request.
type restless struct {
	r        *rand.Rand
	requests int
}

func (d *restless) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	d.requests++
	for range p.Next {
		name := snmp.AppendArc(snmp.MustParseOID("1.3.6.1.4.1"), d.r.Uint32())
		for range d.r.IntN(130) {
			name = snmp.AppendArc(name, d.r.Uint32())
		}
		yield(snmp.VarBind{Name: name, Type: snmp.Integer, Value: []byte{1}})
	}
	for _, oid := range p.Get {
		yield(snmp.VarBind{Name: oid, Type: snmp.OctetString, Value: bytes.Repeat([]byte{0xff, 'a'}, 1<<15)})
	}
	return client.Stats{}, nil
}
