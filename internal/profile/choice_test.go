package profile

import (
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

// device is a simulated device that counts its requests.
type device struct {
	id     string // sysObjectID
	has    []string
	dead   bool
	lost   []string // objects whose answers are lost
	probes int
}

func (d *device) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	if d.dead {
		return client.Stats{}, &access.Error{Op: "get", Reason: access.Timeout, Err: errors.New("request timeout")}
	}
	if len(p.Next) > 0 {
		d.probes++
	}
	var errs []error
	loses := func(oid snmp.OID) bool {
		if !slices.Contains(d.lost, oid.String()) {
			return false
		}
		errs = append(errs, &access.Error{Op: "get", OID: oid, Reason: access.Late, Err: errors.New("request timeout")})
		return true
	}
	for _, oid := range p.Get {
		if loses(oid) {
			continue
		}
		if oid.Compare(sysObjectID) == 0 && d.id != "" {
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
		for _, has := range d.has {
			if name := snmp.MustParseOID(has); name.Compare(oid) > 0 {
				yield(snmp.VarBind{Name: name, Type: snmp.Integer, Value: []byte{1}})
				break
			}
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

var book = NewRegistry(map[string]*Settings{
	Default:      {Extends: []string{"basic"}},
	"basic":      {Modules: []string{"one", "two"}},
	"vendor":     {SysObjectIDs: oids("1.3.6.1.4.1.7"), Extends: []string{"basic"}, Modules: []string{"three"}},
	"product":    {SysObjectIDs: oids("1.3.6.1.4.1.7.2", "1.3.6.1.4.1.8.1"), Extends: []string{"vendor", "round"}, Modules: []string{"four", "one"}},
	"round":      {Extends: []string{"product"}},
	"no_modules": {SysObjectIDs: oids("1.3.6.1.4.1.9")},
}, map[string]*collector.Settings{
	"one": reading("1.3.1", "1.3.5.1"), "two": reading("1.3.2", "1.3.5.2"), "three": reading("1.3.3", "1.3.5.3"), "four": reading("1.3.4", "1.3.5.4"),
})

func TestChoice(t *testing.T) {
	all := []string{"1.3.1.1.7", "1.3.2.1.7", "1.3.3.1.7", "1.3.4.1.7"}
	for _, test := range []struct {
		name    string
		device  device
		profile string
		prefix  string
		modules string // with the profile of each
	}{
		{"nothing said", device{has: all}, Default, "", "one:basic two:basic"},
		{"an unknown product", device{id: "1.3.6.1.4.1.77.2", has: all}, Default, "", "one:basic two:basic"},
		{"a vendor", device{id: "1.3.6.1.4.1.7.3", has: all}, "vendor", "1.3.6.1.4.1.7", "one:basic two:basic three:vendor"},
		{"the longest beginning wins", device{id: "1.3.6.1.4.1.7.2.1", has: all}, "product", "1.3.6.1.4.1.7.2", "one:basic two:basic three:vendor four:product"},
		{"numbers are whole", device{id: "1.3.6.1.4.1.7.21", has: all}, "vendor", "1.3.6.1.4.1.7", "one:basic two:basic three:vendor"},
		{"a second beginning", device{id: "1.3.6.1.4.1.8.1", has: all[3:]}, "product", "1.3.6.1.4.1.8.1", "four:product"},
		{"only a scalar", device{id: "1.3.6.1.4.1.7", has: []string{"1.3.5.3.0"}}, "vendor", "1.3.6.1.4.1.7", "three:vendor"},
		{"only what labels are looked up in", device{has: []string{"1.3.9.1"}}, Default, "", ""},
		{"a profile without modules", device{id: "1.3.6.1.4.1.9.1", has: all}, "no_modules", "1.3.6.1.4.1.9", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := book.Choose(t.Context(), &test.device, client.Params{})
			if err != nil {
				t.Fatal(err)
			}
			var modules []string
			for _, m := range c.Modules {
				modules = append(modules, m.Module.Name+":"+m.From)
			}
			if got := strings.Join(modules, " "); c.Profile != test.profile || c.Prefix.String() != test.prefix || got != test.modules {
				t.Errorf("chosen is %s (%s): %s", c.Profile, c.Prefix, got)
			}
		})
	}
}

// A choice must be cached while sysObjectID stays the same, for at most Period.
func TestChoiceIsKept(t *testing.T) {
	d := &device{id: "1.3.6.1.4.1.7.3", has: []string{"1.3.1.1.7"}}
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

// A lost answer must neither change the profile of a device nor remove a module.
func TestLostAnswersChangeNoChoice(t *testing.T) {
	d := &device{id: "1.3.6.1.4.1.7.3", has: []string{"1.3.1.1.7"}}
	k := ChoiceCache{Registry: book}
	now := time.Unix(1e9, 0)
	choose := func(name string, after time.Duration, probes int) (modules int) {
		t.Helper()
		now = now.Add(after)
		c, err := k.Choice(t.Context(), d, client.Params{}, now)
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
	k = ChoiceCache{Registry: book}
	few := choose("first of all, a table is lost", 0, 4)
	d.lost = nil
	if got := choose("and is found later", doubtPeriod, 5); got != want || few >= want {
		t.Errorf("%d modules, then %d, want %d", few, got, want)
	}
}
