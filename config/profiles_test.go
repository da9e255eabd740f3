package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/internal/client"
	"trapline/internal/profile"
	"trapline/internal/snmp"
)

// everything is a device that has every object. Its sysObjectID is of enterprise 99999.
type everything struct{}

func (everything) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	for _, oid := range p.Get {
		yield(snmp.VarBind{Name: oid, Type: snmp.ObjectIdentifier, Value: snmp.MustParseOID("1.3.6.1.4.1.99999.1")})
	}
	for _, oid := range p.Next {
		yield(snmp.VarBind{Name: snmp.AppendArc(append(snmp.OID{}, oid...), 1), Type: snmp.Integer, Value: []byte{1}})
	}
	return client.Stats{}, nil
}

func chosen(t *testing.T, book *profile.Registry) string {
	t.Helper()
	c, err := book.Choose(t.Context(), everything{}, client.Params{})
	if err != nil {
		t.Fatal(err)
	}
	text := c.Profile() + ":"
	for _, m := range c.Modules {
		if !slices.Contains([]string{"poe", "lldp", "mine", "own"}, m.Module.Name) {
			continue
		}
		s, err := m.Module.Settings()
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf(" %s of %s (%d)", m.Module.Name, m.From, len(s.Metrics))
	}
	return text
}

// Profiles of a directory come over the built-in ones, and those of the file itself over both.
func TestProfilesOfTheUser(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yml": "device_profiles:\n  poe: {modules: [poe]}\n  vendor: {sys_object_ids: [1.3.6.1.4.1.99999], extends: [poe, lldp], modules: [own]}\nmodules:\n  own: {walk: [IF-MIB::ifMtu]}\n",
		"b.yml": "modules:\n  poe: {walk: [POWER-ETHERNET-MIB::pethMainPsePower]}\n",
		"c.txt": "not read",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := auths + "profiles: {dirs: [" + dir + "]}\ntargets: [{address: a, modules: [auto]}]\n"
	for _, test := range []struct{ file, want string }{
		{file, "vendor: lldp of lldp (4) poe of poe (1) own of vendor (1)"},
		{file + "device_profiles: {lldp: {modules: [mine]}}\nmodules: {mine: {walk: [IF-MIB::ifMtu, IF-MIB::ifSpeed]}}\n",
			"vendor: mine of lldp (2) poe of poe (1) own of vendor (1)"},
		{file + "device_profiles: {product: {sys_object_ids: [1.3.6.1.4.1.99999.1], extends: [poe]}}\n", "product: lldp of lldp (4) poe of poe (1) own of vendor (1)"},
	} {
		book, err := load(t, write(t, "snmp.yml", test.file)).Book()
		if err != nil {
			t.Fatal(err)
		}
		if got := chosen(t, book); got != test.want {
			t.Errorf("chosen is %s\nwant %s", got, test.want)
		}
	}
}

// Each error in a file of profiles has its line, and says what to write.
func TestMistakesInProfilesOfADirectory(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yml")
	measure := func(keys string) string { return "modules:\n  m:\n    measures:\n    - {" + keys + "}\n" }
	for _, test := range []struct{ text, want string }{
		{"device_profiles:\n  vendor: {modules: [nothing_like_it]}\n", `:2: device_profiles.vendor.modules[0]: there is no module "nothing_like_it"`},
		{"device_profiles:\n  a: {extends: [b]}\n  b: {extends: [lldp]}\n  lldp: {extends: [a]}\n", `:2: device_profiles.a.extends[0]: "b" has all of "a" already: leave one extends out`},
		{"device_profiles:\n  a:\n    extends: [a]\n", `:3: device_profiles.a.extends[0]: "a" has all of "a" already: leave one extends out`},
		{"modules: {}\ntargets: []\n", ":2: targets: a file of profiles has modules and device_profiles: write the rest into the configuration"},
		{measure("metric: hw_temperature_celsius, object: IF-MIB::ifMtu"), `:4: modules.m.measures[0].metric: "hw_temperature_celsius" is the name of a series: write hw_temperature, and under unit what the device counts in`},
		{measure("metric: hw_temperature, object: IF-MIB::ifMtu, unit: C"), `:4: modules.m.measures[0].unit: unknown unit "C": write a unit of Cel, K, [degF], mCel`},
		{measure("metric: hw_status, object: IF-MIB::ifOperStatus, states: {ok: [up], failed: [1]}"), `:4: modules.m.measures[0].states.ok: "up" is named twice, with different meanings`},
		{measure("metric: hw_status, object: IF-MIB::ifOperStatus, states: {ok: []}"), `:4: modules.m.measures[0].states: no state has a value`},
	} {
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load([]string{write(t, "snmp.yml", auths+ifModule+"profiles: {dirs: ["+dir+"]}\n")}, Options{})
		if first, _, _ := strings.Cut(fmt.Sprint(err), "\n"); first != file+test.want {
			t.Errorf("%s\nerror is %s\nwant %s", test.text, first, file+test.want)
		}
	}
}

// Objects that a profile depends on are written as names or as numbers.
func TestProbesByName(t *testing.T) {
	c := load(t, write(t, "snmp.yml", auths+"device_profiles: {acme: {probe: [UPS-MIB::upsIdentModel, 1.3.6.1.4.1.99999.1.0]}}\n"))
	var got []string
	for _, o := range c.DeviceProfiles["acme"].Probe {
		got = append(got, o.OID.String())
	}
	if want := []string{"1.3.6.1.2.1.33.1.1.2", "1.3.6.1.4.1.99999.1.0"}; !slices.Equal(got, want) {
		t.Errorf("it depends on %v", got)
	}
	_, err := Load([]string{write(t, "snmp.yml", auths+"device_profiles:\n  acme:\n    probe: [UPS-MIB::upsIdentModell]\n")}, Options{})
	if err == nil || !strings.Contains(err.Error(), "device_profiles.acme.probe[0]: ") {
		t.Errorf("error is %v", err)
	}
}

// The built-in profiles compile even if a MIB file of the user lacks the objects that they name.
func TestPoorMIBFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "if.mib"), []byte("IF-MIB DEFINITIONS ::= BEGIN\nEND\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load(t, write(t, "snmp.yml", auths+"mibs: {dirs: ["+dir+"]}\ntargets: [{address: a, modules: [auto]}]\n"))
}

// BenchmarkProfiles reads the built-in profiles.
func BenchmarkProfiles(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Profiles(nil, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Warnings about files in directories of profiles are those of the configuration, too.
func TestWarningsAboutProfiles(t *testing.T) {
	dir := t.TempDir()
	const text = "modules:\n  m:\n    measures:\n    - {metric: hw_status, object: IF-MIB::ifOperStatus, states: {ok: [up], failed: [down]}}\n"
	main := "profiles: {dirs: [" + dir + "]}\ntargets: [{address: 192.0.2.1, modules: [auto]}]\n"
	file := filepath.Join(t.TempDir(), "snmp.yml")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "p.yml"), []byte(text), 0o600), os.WriteFile(file, []byte(main), 0o600)); err != nil {
		t.Fatal(err)
	}
	c, err := Load([]string{file}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, warnings, err := CheckProfiles([]string{dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]string{c.Warnings, warnings} {
		if len(list) != 1 || !strings.Contains(list[0], "p.yml:4: modules.m.measures[0].states: no state has testing, unknown") {
			t.Errorf("warnings are %q", list)
		}
	}
}

// A module of the user that takes the place of a built-in one which auto selects is noted, with its place; one that is
// the same, has another name, or stands in a file without auto and profiles, is not.
func TestReplacedModulesAreNoted(t *testing.T) {
	own, err := builtin()
	if err != nil || own.modules["poe"] == nil {
		t.Fatalf("%v: no built-in module poe", err)
	}
	const module = "modules:\n  NAME: {walk: [1.3.6.1.2.1.33], metrics: [{name: x, oid: 1.3.6.1.2.1.33.1.1.1, type: gauge}]}\n"
	for _, test := range []struct {
		text  string
		noted bool
	}{
		{"targets: [{address: 192.0.2.1, modules: [auto]}]\n" + strings.ReplaceAll(module, "NAME", "poe"), true},
		{"targets: [{address: 192.0.2.1, modules: [auto]}]\n" + strings.ReplaceAll(module, "NAME", "poe_of_mine"), false},
		{"auths: {v2: {community: public}}\n" + strings.ReplaceAll(module, "NAME", "poe"), false},
		{"auths: {v2: {community: public}}\ndevice_profiles: {mine: {sys_object_ids: [1.3.6.1.4.1.7], modules: [poe]}}\n" + strings.ReplaceAll(module, "NAME", "poe"), true},
	} {
		file := filepath.Join(t.TempDir(), "snmp.yml")
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load([]string{file}, Options{})
		if err != nil {
			t.Fatalf("%s\n%v", test.text, err)
		}
		noted := slices.ContainsFunc(c.Warnings, func(w string) bool {
			return strings.HasPrefix(w, file+":") && strings.Contains(w, "modules.poe: it takes the place of the built-in module")
		})
		if noted != test.noted {
			t.Errorf("%s\n%q", test.text, c.Warnings)
		}
	}
}
