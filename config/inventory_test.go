package config

import (
	"os"
	"strings"
	"testing"
)

// The inventory of a profile is read by a module of its own, and its problems stand where it is written.
func TestInventoryOfProfiles(t *testing.T) {
	load := func(inventory string) (*Config, error) {
		file := t.TempDir() + "/snmp.yml"
		text := "auths: {public_v2: {community: public}}\ndevice_profiles:\n  acme:\n    sys_object_ids: [1.3.6.1.4.1.99999]\n    inventory: " + inventory + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load([]string{file}, Options{})
	}
	c, err := load(`{vendor: {text: Acme}, serial: [1.3.6.1.4.1.99999.1.0, ENTITY-MIB::entPhysicalSerialNum.1]}`)
	if err != nil {
		t.Fatal(err)
	}
	p := c.DeviceProfiles["acme"]
	if strings.Join(p.Modules, " ") != "acme_inventory" || strings.Join(p.Exclusive, " ") != "acme_inventory" || len(c.Compiled["acme_inventory"].Get) != 3 {
		t.Errorf("modules %v, exclusive %v, %+v", p.Modules, p.Exclusive, c.Compiled["acme_inventory"])
	}
	_, err = load(`{serial: ENTITY-MIB::entPhysicalSerialNumber.1}`)
	if err == nil || !strings.Contains(err.Error(), "snmp.yml:5:") || !strings.Contains(err.Error(), "did you mean ENTITY-MIB::entPhysicalSerialNum?") && !strings.Contains(err.Error(), "did you mean entPhysicalSerialNum?") {
		t.Errorf("%v", err)
	}
}
