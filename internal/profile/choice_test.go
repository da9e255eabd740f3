package profile

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// fakeDevice is a simulated device that counts its requests.
type fakeDevice struct {
	id     string // sysObjectID
	descr  string // sysDescr
	has    []string
	dead   bool
	lost   []string // objects whose answers are lost
	reason access.Reason
	probes int
}

func (d *fakeDevice) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	if d.dead {
		return client.Stats{}, &access.Error{Op: "get", Reason: access.Timeout, Err: errors.New("request timeout")}
	}
	if slices.ContainsFunc(p.Get, func(oid snmp.OID) bool { return oid.Compare(sysDescr) == 0 }) {
		d.probes++
	}
	var errs []error
	loses := func(oid snmp.OID) bool {
		if !slices.Contains(d.lost, oid.String()) {
			return false
		}
		errs = append(errs, &access.Error{Op: "get", OID: oid, Reason: cmp.Or(d.reason, access.Late), Err: errors.New("request timeout")})
		return true
	}
	for _, oid := range p.Get {
		if loses(oid) {
			continue
		}
		if oid.Compare(sysDescr) == 0 && d.descr != "" {
			yield(snmp.VarBind{Name: oid, Type: snmp.OctetString, Value: []byte(d.descr)})
		} else if oid.Compare(sysObjectID) == 0 && d.id != "" {
			yield(snmp.VarBind{Name: oid, Type: snmp.ObjectIdentifier, Value: snmp.MustParseOID(d.id)})
		} else if slices.Contains(d.has, oid.String()) {
			yield(snmp.VarBind{Name: oid, Type: snmp.Integer, Value: []byte{1}})
		} else {
			yield(snmp.VarBind{Name: oid, Type: snmp.NoSuchInstance})
		}
	}
	for _, oid := range p.Next {
		if loses(oid) {
			continue
		}
		var next snmp.OID
		for _, has := range d.has {
			if name := snmp.MustParseOID(has); name.Compare(oid) > 0 && (next == nil || name.Compare(next) < 0) {
				next = name
			}
		}
		if next != nil {
			yield(snmp.VarBind{Name: next, Type: snmp.Integer, Value: []byte{1}})
		}
	}
	return client.Stats{}, errors.Join(errs...)
}

func oids(texts ...string) []setting.OID {
	var list []setting.OID
	for _, text := range texts {
		list = append(list, setting.ParseOID(text))
	}
	return list
}

// reading returns a module that walks table, gets scalar, and looks up labels in 1.3.9.
func reading(table, scalar string) *collector.Settings {
	return &collector.Settings{Walk: oids(table, "1.3.9"), Get: oids(scalar + ".0"), Metrics: []collector.MetricSettings{
		{Name: "a", OID: setting.ParseOID(table + ".1"), Type: "gauge"},
		{Name: "b", OID: setting.ParseOID(scalar), Type: "gauge"},
	}}
}

func pattern(text string) setting.Regexp { return setting.LaterRegexp(text) }

func candidates(modules map[string]*collector.Settings, notByEnterprise ...string) Candidates {
	c := Candidates{map[string]*Module{}, map[string]bool{}}
	for name, s := range modules {
		c.Named[name] = NewModule(name, s)
		c.Enterprise[name] = !slices.Contains(notByEnterprise, name)
	}
	return c
}

var profilesOfTest = map[string]*Settings{
	Default:      {Extends: []string{"basic"}},
	"basic":      {Modules: []string{"one", "two"}},
	"vendor":     {SysObjectIDs: oids("1.3.6.1.4.1.7"), Extends: []string{"basic"}, Modules: []string{"three"}},
	"product":    {SysObjectIDs: oids("1.3.6.1.4.1.7.2", "1.3.6.1.4.1.8.1"), Extends: []string{"round"}, Modules: []string{"four", "one"}},
	"round":      {Extends: []string{"product"}},
	"no_modules": {SysObjectIDs: oids("1.3.6.1.4.1.9")},
	"os":         {SysObjectIDs: oids("1.3.6.1.4.1.9"), SysDescr: pattern("AcmeOS"), Modules: []string{"five"}, Exclusive: []string{"five"}},
	"probed":     {SysObjectIDs: oids("1.3.6.1.4.1.9"), Probe: oids("1.3.7.1.0", "1.3.4"), Modules: []string{"three"}},
	"spared":     {SysObjectIDs: oids("1.3.6.1.4.1.9.5"), Without: []string{"two", "six"}},
}

var modulesOfTest = map[string]*collector.Settings{
	"one": reading("1.3.1", "1.3.5.1"), "two": reading("1.3.2", "1.3.5.2"), "three": reading("1.3.3", "1.3.5.3"), "four": reading("1.3.4", "1.3.5.4"),
	"five": reading("1.3.6.1.4.1.70.5", "1.3.5.5"), "six": reading("1.3.6.1.4.1.70.6", "1.3.5.6"), "seven": reading("1.3.6.1.4.1.80.7", "1.3.6.1.4.1.70.7"),
}

var book = NewRegistry(profilesOfTest, candidates(modulesOfTest))

func listed(c *Choice) string {
	var modules []string
	for _, m := range c.Modules {
		modules = append(modules, m.Module.Name+":"+strings.TrimPrefix(m.Origin(), "profile "))
	}
	return strings.Join(modules, " ")
}

func TestChoice(t *testing.T) {
	all := []string{"1.3.1.1.7", "1.3.2.1.7", "1.3.3.1.7", "1.3.4.1.7"}
	rebranded := append(slices.Clone(all), "1.3.6.1.4.1.70.6.1.1", "1.3.6.1.4.1.70.5.1.1")
	for _, test := range []struct {
		name     string
		device   fakeDevice
		profiles string // the most specific first
		modules  string // with the origin of each
	}{
		{"nothing said", fakeDevice{has: all}, "", "one:basic two:basic"},
		{"an unknown product", fakeDevice{id: "1.3.6.1.4.1.77.2", has: all}, "", "one:basic two:basic"},
		{"a vendor", fakeDevice{id: "1.3.6.1.4.1.7.3", has: all}, "vendor", "one:basic two:basic three:vendor"},
		{"all profiles add up", fakeDevice{id: "1.3.6.1.4.1.7.2.1", has: all}, "product vendor", "one:basic two:basic four:product three:vendor"},
		{"numbers are whole", fakeDevice{id: "1.3.6.1.4.1.7.21", has: all}, "vendor", "one:basic two:basic three:vendor"},
		{"a second beginning", fakeDevice{id: "1.3.6.1.4.1.8.1", has: all[3:]}, "product", "four:product"},
		{"only a scalar", fakeDevice{id: "1.3.6.1.4.1.7", has: []string{"1.3.5.3.0"}}, "vendor", "three:vendor"},
		{"only what labels are looked up in", fakeDevice{has: []string{"1.3.9.1"}}, "", ""},
		{"a profile without modules", fakeDevice{id: "1.3.6.1.4.1.9.1", has: all}, "no_modules", "one:basic two:basic"},
		{"hardware of another enterprise", fakeDevice{id: "1.3.6.1.4.1.7.3", has: rebranded}, "vendor", "one:basic two:basic three:vendor six:enterprise 70"},
		{"a module of two enterprises", fakeDevice{has: []string{"1.3.6.1.4.1.80.7.1"}}, "", "seven:enterprise 80"},
		{"sysDescr holds", fakeDevice{id: "1.3.6.1.4.1.9.1", descr: "Acme AcmeOS 7", has: rebranded}, "os no_modules", "one:basic two:basic five:os six:enterprise 70"},
		{"sysDescr does not", fakeDevice{id: "1.3.6.1.4.1.9.1", descr: "Acme", has: rebranded}, "no_modules", "one:basic two:basic six:enterprise 70"},
		{"all probes hold", fakeDevice{id: "1.3.6.1.4.1.9.1", has: append(all[2:4:4], "1.3.7.1.0")}, "probed no_modules", "three:probed"},
		{"one of the probes does", fakeDevice{id: "1.3.6.1.4.1.9.1", has: all[2:]}, "no_modules", ""},
		{"modules left out", fakeDevice{id: "1.3.6.1.4.1.9.5.1", has: rebranded}, "spared no_modules", "one:basic"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := book.Choose(t.Context(), &test.device, client.Params{})
			if err != nil {
				t.Fatal(err)
			}
			var profiles []string
			for _, m := range c.Profiles {
				profiles = append(profiles, m.Profile)
			}
			if got := strings.Join(profiles, " "); got != test.profiles {
				t.Errorf("its profiles are %s, want %s", got, test.profiles)
			}
			if got := listed(c); got != test.modules {
				t.Errorf("chosen is %s, want %s", got, test.modules)
			}
		})
	}
}

// A choice must be cached while sysObjectID stays the same, for at most Period.
func TestChoiceIsKept(t *testing.T) {
	d := &fakeDevice{id: "1.3.6.1.4.1.7.3", has: []string{"1.3.1.1.7"}}
	k := ChoiceCache{Registry: book}
	start := time.Unix(1e9, 0)
	for _, step := range []struct {
		name   string
		change func()
		after  time.Duration
		probes int
		failed bool
	}{
		{"first", func() {}, 0, 1, false},
		{"the same", func() {}, time.Hour, 1, false},
		{"dead", func() { d.dead = true }, 2 * time.Hour, 1, true},
		{"back again", func() { d.dead = false }, 3 * time.Hour, 1, false},
		{"replaced", func() { d.id = "1.3.6.1.4.1.7.2" }, 4 * time.Hour, 2, false},
		{"the same for almost a day", func() {}, 4*time.Hour + Period - 1, 2, false},
		{"a day later", func() {}, 4*time.Hour + Period, 3, false},
	} {
		step.change()
		c, err := k.Choice(t.Context(), d, client.Params{}, start.Add(step.after))
		if (err != nil) != step.failed || d.probes != step.probes {
			t.Errorf("%s: %d probes, %v: want %d", step.name, d.probes, err, step.probes)
		}
		if err == nil && c.SysObjectID.String() != d.id {
			t.Errorf("%s: the choice is for %s", step.name, c.SysObjectID)
		}
	}
}

// A lost answer must neither change the profile of a device nor remove a module. The choice says when the device is asked
// again, and it is asked then and not before.
func TestLostAnswersChangeNoChoice(t *testing.T) {
	d := &fakeDevice{id: "1.3.6.1.4.1.7.3", has: []string{"1.3.1.1.7"}}
	k := ChoiceCache{Registry: book}
	now, due := time.Unix(1e9, 0), time.Time{}
	choose := func(name string, after time.Duration, probes int) (modules int) {
		t.Helper()
		now = now.Add(after)
		before := d.probes
		c, err := k.Choice(t.Context(), d, client.Params{}, now)
		if asked := d.probes > before; asked == now.Before(due) || asked && !c.Asked.Equal(now) {
			t.Errorf("%s: asked: %v at %v, was due at %v; it says %v", name, asked, now, due, c.Asked)
		}
		due = c.Due
		if err != nil || d.probes != probes || c.SysObjectID.String() != d.id {
			t.Fatalf("%s: %d probes, want %d; %+v, %v", name, d.probes, probes, c, err)
		}
		return len(c.Modules)
	}
	want := choose("first", 0, 1)
	d.lost = []string{sysObjectID.String()}
	if got := choose("sysObjectID is lost", time.Hour, 1); got != want {
		t.Errorf("%d modules, want %d", got, want)
	}
	d.lost = []string{"1.3.1"}
	if got := choose("a day later, a table is lost", Period, 2); got != want {
		t.Errorf("%d modules, want %d", got, want)
	}
	choose("soon after", time.Minute, 2)
	d.lost = nil
	choose("later", doubtPeriod, 3)
	choose("and then for a day", Period-time.Minute, 3)

	d.lost = []string{"1.3.1"}
	k, due = ChoiceCache{Registry: book}, time.Time{}
	few := choose("first of all, a table is lost", 0, 4)
	d.lost = nil
	if got := choose("and is found later", doubtPeriod, 5); got != want || few >= want {
		t.Errorf("%d modules, then %d, want %d", few, got, want)
	}
}

// Where one object has an error for good, modules are added, and none is removed, whatever else has one.
func TestErrorsChangeNoChoice(t *testing.T) {
	all := []string{"1.3.1.1.7", "1.3.2.1.7", "1.3.3.1.7"}
	for _, reason := range []access.Reason{access.Late, access.ErrorStatus, access.EmptyAnswer} {
		d := &fakeDevice{id: "1.3.6.1.4.1.7.3", reason: reason}
		k := ChoiceCache{Registry: book}
		now := time.Unix(1e9, 0)
		for _, step := range []struct {
			has, lost []string
			want      string
		}{
			{all[:1], []string{"1.3.2"}, "one:basic"},
			{all, []string{"1.3.2"}, "one:basic three:vendor"},
			{all[:0], []string{"1.3.2", "1.3.1", "1.3.3"}, "one:basic three:vendor"},
			{all, nil, "one:basic two:basic three:vendor"},
		} {
			d.has, d.lost = step.has, step.lost
			now = now.Add(doubtPeriod)
			c, err := k.Choice(t.Context(), d, client.Params{}, now)
			if err != nil || listed(c) != step.want {
				t.Errorf("%s of %v: chosen is %s, want %s; %v", reason, step.lost, listed(c), step.want, err)
			}
			for _, a := range c.Absent {
				if strings.Contains(" "+listed(c), " "+a.Module.Name+":") {
					t.Errorf("%s of %v: %s is chosen and absent", reason, step.lost, a.Module.Name)
				}
			}
		}
	}
}

// What every device has is no reason to poll a vendor's objects, and reason enough for a module without any.
func TestSystemGroupDecidesNothingAboutVendors(t *testing.T) {
	vendor := reading("1.3.6.1.4.1.70.5", "1.3.6.1.2.1.1.5")
	plain := reading("1.3.6.1.2.1.25", "1.3.6.1.2.1.1.5")
	b := NewRegistry(map[string]*Settings{Default: {Modules: []string{"plain"}}}, candidates(map[string]*collector.Settings{"vendor": vendor, "plain": plain}, "plain"))
	d := fakeDevice{id: "1.3.6.1.4.1.70.1", has: []string{"1.3.6.1.2.1.1.5.0", "1.3.6.1.4.1.70.6.1.1"}}
	for want, has := range map[string][]string{"plain:any": nil, "plain:any vendor:enterprise 70": {"1.3.6.1.4.1.70.5.1.1"}} {
		d.has = append(d.has[:2:2], has...)
		c, err := b.Choose(t.Context(), &d, client.Params{})
		if err != nil || listed(c) != want {
			t.Errorf("chosen is %s, want %s; %v", listed(c), want, err)
		}
	}
}
