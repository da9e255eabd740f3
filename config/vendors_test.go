package config

import "testing"

// Objects of vendors' MIBs are known to alarms that name them, and to pages.
func TestNamesOfVendors(t *testing.T) {
	const module, object = "PowerNet-MIB", "upsBasicBatteryStatus"
	for _, test := range []struct {
		text string
		want bool
	}{
		{auths + ifModule, false},
		{auths + ifModule + "# " + module + "::" + object + "\n", true},
	} {
		c := load(t, write(t, "snmp.yml", test.text))
		names, err := c.Names()
		if err != nil {
			t.Fatal(err)
		}
		all, err := c.AllNames()
		if err != nil {
			t.Fatal(err)
		}
		if got := names.Node(module, object) != nil; got != test.want || all.Node(module, object) == nil || names.Node("IF-MIB", "ifIndex") == nil {
			t.Errorf("%s is known to alarms: %v, want %v", object, got, test.want)
		}
	}
}
