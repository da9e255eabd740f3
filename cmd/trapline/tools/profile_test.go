package tools

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/config"
	"trapline/internal/access"
	"trapline/internal/agent"
	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/corpus"
	"trapline/internal/doctest"
	"trapline/internal/peers"
	"trapline/internal/profile"
	"trapline/internal/programtest"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// chooser asks devices as profile does.
type chooser struct {
	book   *profile.Registry
	tree   *mibs.Tree
	engine *client.Client
}

func newChooser(t *testing.T) chooser {
	t.Helper()
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := cli.AllMIBs(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := client.New(client.Options{})
	t.Cleanup(func() { e.Close() })
	return chooser{book, tree, e}
}

func (c chooser) choose(t *testing.T, address string) (*profile.Choice, *client.Target) {
	t.Helper()
	target, err := c.engine.Target(client.Spec{Address: address, Auth: &access.Auth{Version: 2, Community: "public"}})
	if err != nil {
		t.Fatal(err)
	}
	choice, err := c.book.Choose(t.Context(), target, client.Params{})
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	return choice, target
}

// TestProfilesOfDevices compares the choice for each recorded device, and the reasons, with choices.txt, which is beside
// the recordings or in testdata: a line with the name of the device, and below it the output of `profile`
// about standard modules.
func TestProfilesOfDevices(t *testing.T) { corpus.Each(t, "conformance", testProfilesOfDevices) }

func testProfilesOfDevices(t *testing.T, dir string) {
	names, list := programtest.Recordings(t, dir)
	devices := programtest.StartDevices(t, "127.0.36.1:0", agent.Faults{}, list...)
	c := newChooser(t)
	var got strings.Builder
	for i, name := range names {
		choice, _ := c.choose(t, devices.Addr(i).String())
		got.WriteString(name + "\n")
		withStandardModules(choice)
		printChoice(&got, choice, c.tree)
	}
	file := "testdata/choices.txt"
	if dir == corpus.Own(t, "conformance") {
		file = filepath.Join(dir, "choices.txt")
	}
	if *doctest.Update {
		if err := os.WriteFile(file, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != corpus.Text(t, file) {
		t.Errorf("chosen is\n%s", got.String())
	}
}

// withStandardModules leaves the modules of vendors' objects out of a choice, and those that the target has nothing for.
func withStandardModules(c *profile.Choice) {
	vendor := snmp.MustParseOID("1.3.6.1.4.1")
	c.Modules = slices.DeleteFunc(c.Modules, func(m profile.Chosen) bool { return m.Found.HasPrefix(vendor) })
	c.Absent = nil
}

// Net-SNMP's agent is known by its sysObjectID. Between them, the chosen modules and the list of subtrees that
// none of them reads name all that it has.
func TestProfileOfSnmpd(t *testing.T) {
	c := newChooser(t)
	choice, target := c.choose(t, peers.StartSnmpd(t, peers.SnmpdOptions{}).Address)
	var modules []string
	for _, m := range choice.Modules {
		modules = append(modules, m.Module.Name)
	}
	for _, want := range []string{"system", "interfaces", "interface_counters", "host_system", "ucd_load", "ucd_memory"} {
		if !slices.Contains(modules, want) {
			t.Errorf("%s is not among %v", want, modules)
		}
	}
	if choice.Profile() != "net_snmp" {
		t.Errorf("the profile is %s", choice.Profile())
	}
	unread, err := choice.Unread(t.Context(), target, client.Params{}, c.tree)
	if err != nil {
		t.Fatal(err)
	}
	covered := func(oid snmp.OID) bool {
		return slices.ContainsFunc(choice.Modules, func(m profile.Chosen) bool {
			settings, err := m.Module.Settings()
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(slices.Concat(settings.Walk, settings.Get), func(o setting.OID) bool { return oid.HasPrefix(o.OID) })
		})
	}
	all := client.Plan{Walk: []snmp.OID{snmp.MustParseOID("1.3.6.1.2.1"), snmp.MustParseOID("1.3.6.1.4.1")}}
	if _, err := target.Poll(t.Context(), &all, func(v snmp.VarBind) {
		reported := slices.ContainsFunc(unread, func(s profile.Subtree) bool { return v.Name.HasPrefix(s.OID) })
		if !reported && !covered(v.Name) {
			t.Errorf("nobody speaks of %s", v.Name)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// Subtrees that no chosen module reads are listed once each; those that one reads are not.
func TestUnreadSubtrees(t *testing.T) {
	var b agent.Builder
	for _, oid := range []string{"1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.1.7.0", "1.3.6.1.2.1.2.1.0", "1.3.6.1.2.1.2.2.1.10.1",
		"1.3.6.1.2.1.4.20.1.2.10.0.0.1", "1.3.6.1.2.1.4.20.1.2.10.0.0.2", "1.3.6.1.2.1.4.20.1.3.10.0.0.1",
		"1.3.6.1.4.1.99999.1.2.3.1", "1.3.6.1.4.1.99999.1.2.4.1", "1.3.6.1.4.1.99999.1.3.1"} {
		b.Add(snmp.MustParseOID(oid), snmp.Integer, []byte{1})
	}
	c := newChooser(t)
	choice, target := c.choose(t, programtest.StartDevices(t, "127.0.37.1:0", agent.Faults{}, b.Recording()).Addr(0).String())
	unread, err := choice.Unread(t.Context(), target, client.Params{}, c.tree)
	if err != nil {
		t.Fatal(err)
	}
	want := "[SNMPv2-MIB::system (1.3.6.1.2.1.1) IF-MIB::interfaces (1.3.6.1.2.1.2) IP-MIB::ipAddrTable (1.3.6.1.2.1.4.20) 1.3.6.1.4.1.99999.1.2 1.3.6.1.4.1.99999.1.3]"
	if got := fmt.Sprint(unread); got != want {
		t.Errorf("unread are\n%s\nwant\n%s", got, want)
	}
}

// Each series of a measure is listed with its value and the instance that it was made of.
func TestSeriesOfMeasuresWithTheirObjects(t *testing.T) {
	c := newChooser(t)
	choice, target := c.choose(t, programtest.StartDevices(t, "127.0.37.1:0", agent.Faults{}, agent.UPS(1)).Addr(0).String())
	var out strings.Builder
	if err := printMeasures(t.Context(), &out, choice, target, client.Params{}, c.tree); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`hw_battery_charge_ratio{hw_id="UPS-MIB::upsEstimatedChargeRemaining.0",hw_name="Battery"} 1  1.3.6.1.2.1.33.1.2.4.0 UPS-MIB::upsEstimatedChargeRemaining.0`,
		`hw_name="Output 2",phase="2"} 230  1.3.6.1.2.1.33.1.4.4.1.2.2 UPS-MIB::upsOutputVoltage.2`,
	} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("no line %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\nups") {
		t.Errorf("objects that are no measures are listed:\n%s", out.String())
	}
}
