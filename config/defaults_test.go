package config

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"trapline/internal/poller"
)

// A line with addresses is a whole file.
func TestOneLineIsAFile(t *testing.T) {
	c := load(t, write(t, "snmp.yml", "targets: [192.0.2.1, 'udp6:[2001:db8::7]:1161', core-1.example.net]"))
	for i, want := range []poller.TargetSettings{
		{Name: "192.0.2.1", Address: "192.0.2.1"},
		{Name: "udp6:[2001:db8::7]:1161", Address: "udp6:[2001:db8::7]:1161"},
		{Name: "core-1.example.net", Address: "core-1.example.net"},
	} {
		if got := c.Targets[i]; got.Name != want.Name || got.Address != want.Address || got.Auth != "public_v2" || !slices.Equal(got.Modules, []string{"auto"}) {
			t.Errorf("target %d is %+v", i, got)
		}
	}
	if auth := c.Auths["public_v2"]; auth == nil || auth.Version != 2 || auth.Community != "public" {
		t.Errorf("the built-in auth is %+v", auth)
	}
	if c.StateDir != "" || len(c.Warnings) > 0 {
		t.Errorf("state_dir is %q, warnings are %q", c.StateDir, c.Warnings)
	}
}

func TestDefaultsOfTargets(t *testing.T) {
	for _, test := range []struct{ file, auth, modules string }{
		{"targets: [a]", "public_v2", "auto"},
		{"auths: {lab: {}}\ntargets: [a]", "lab", "auto"},
		{"auths: {lab: {}, public_v2: {community: x}}\ntargets: [a]", "public_v2", "auto"},
		{"auths: {lab: {}, secure: {}}\ntargets: [{address: a, auth: secure}]", "secure", "auto"},
		{ifModule + "targets: [a]", "public_v2", "if_mib"},
		{"modules: {uptime: {get: [SNMPv2-MIB::sysUpTime]}}\ntargets: [a]", "public_v2", "auto"},
		{"targets: [{address: a, modules: [hrStorage, lldp]}]", "public_v2", "hrStorage lldp"},
	} {
		c := load(t, write(t, "snmp.yml", test.file))
		if got := c.Targets[0]; got.Auth != test.auth || strings.Join(got.Modules, " ") != test.modules {
			t.Errorf("%s\ngives auth %s, modules %s", test.file, got.Auth, got.Modules)
		}
	}
}

// The configuration that Dump writes has the same meaning as the file that it was loaded from.
func TestDumpsHoldTheDefaults(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	maybe := func(text string) string {
		if rng.IntN(2) == 0 {
			return ""
		}
		return text
	}
	for range 40 {
		file := maybe("auths: {lab: {version: 1}" + maybe(", public_v2: {}") + "}\n")
		file += maybe("modules: {uptime: {get: [1.3.6.1.2.1.1.3.0]}" + maybe(", if_mib: {walk: [1.3.6.1.2.1.2]}") + "}\n")
		if !strings.Contains(file, "auths") {
			file += maybe("receivers: [{name: nms, address: 192.0.2.9}]\n")
		}
		file += "targets:\n"
		for i := range 1 + rng.IntN(4) {
			switch rng.IntN(3) {
			case 0:
				file += fmt.Sprintf("- 192.0.2.%d\n", i)
			case 1:
				file += fmt.Sprintf("- {address: 192.0.2.%d, labels: {site: a}}\n", i)
			case 2:
				file += fmt.Sprintf("- {address: 192.0.2.%d, modules: [system, ups_mib]}\n", i)
			}
		}
		first := dump(t, load(t, write(t, "snmp.yml", file)))
		if again := dump(t, load(t, write(t, "again.yml", first))); again != first {
			t.Errorf("the file\n%s\nis shown as\n%s\nand that as\n%s", file, first, again)
		}
	}
}

func TestDefaultStateDir(t *testing.T) {
	const receiver, threshold = "targets: [a]\nreceivers: [{name: nms, address: 192.0.2.9}]\n", "targets: [a]\nthresholds: [{name: T, metric: ifInErrors, above: 1}]\n"
	for _, test := range []struct{ env, file, want string }{
		{"", "targets: [a]", ""},
		{"", receiver, "trapline-data"},
		{"", threshold, "trapline-data"},
		{"/var/lib/trapline", receiver, "/var/lib/trapline"},
		{"/var/lib/a:/var/lib/b", receiver, "/var/lib/a"},
		{"/var/lib/trapline", receiver + "state_dir: /elsewhere\n", "/elsewhere"},
		{"/var/lib/trapline", "targets: [a]", ""},
	} {
		t.Setenv("STATE_DIRECTORY", test.env)
		if c := load(t, write(t, "snmp.yml", test.file)); c.StateDir != test.want || c.UsualStateDir != (test.want != "" && test.want != "/elsewhere") {
			t.Errorf("STATE_DIRECTORY=%s %q gives state_dir %q", test.env, test.file, c.StateDir)
		}
	}
}

// Modules are known by name without being in the file; one that the file has is another.
func TestShippedModules(t *testing.T) {
	c := load(t, write(t, "snmp.yml", "modules: {ups_mib: {walk: [1.3.6.1.2.1.33.1.2]}}\ntargets: [{address: a, modules: [ups_mib, printer_mib]}]"))
	if n := len(c.Compiled); n != 2 {
		t.Errorf("%d modules are compiled: want those that the target names", n)
	}
	if c.Compiled["ups_mib"] == Shipped("ups_mib") || c.Compiled["printer_mib"] != Shipped("printer_mib") {
		t.Error("the file's own module does not take the place of the shipped one")
	}
	for _, name := range []string{"if_mib", "system", "hrStorage", "lldp", "poe"} {
		if Shipped(name) == nil {
			t.Errorf("no module %s ships", name)
		}
	}
	if Shipped("auto") != nil || Shipped("") != nil {
		t.Error("a module ships that is none")
	}
	if c := load(t, write(t, "snmp.yml", auths+ifModule)); c.ShipsModules {
		t.Error("in a file of snmp_exporter, modules are known that it does not define")
	}
}
