package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/peers"
)

const boxMIB = `BOX-MIB DEFINITIONS ::= BEGIN
IMPORTS enterprises, OBJECT-TYPE, MODULE-IDENTITY, Integer32, NOTIFICATION-TYPE FROM SNMPv2-SMI;
box MODULE-IDENTITY LAST-UPDATED "202601010000Z" ORGANIZATION "o" CONTACT-INFO "c" DESCRIPTION "d" ::= { enterprises 99999 }
boxHeat OBJECT-TYPE SYNTAX Integer32 UNITS "degrees" MAX-ACCESS read-only STATUS current DESCRIPTION "Heat." ::= { box 1 }
boxHot NOTIFICATION-TYPE OBJECTS { boxHeat } STATUS current DESCRIPTION "Hot." ::= { box 0 1 }
END
`

// Modules are fetched from a URL for commands and for the configuration, and are there without the server later.
func TestMIBsFromAURL(t *testing.T) {
	t.Parallel()
	s := peers.StartSnmpsimd(t, map[string]string{"public": "1.3.6.1.2.1.1.5.0|4|box\n1.3.6.1.4.1.99999.1.0|2|42\n"})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/asn1/BOX-MIB" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(boxMIB))
	}))
	defer server.Close()
	url := server.URL + "/asn1/@mib@"
	config := filepath.Join(t.TempDir(), "snmp.yml")
	text := "mibs: {dirs: ['" + url + "']}\nmodules: {box: {get: [BOX-MIB::boxHeat]}}\nauths: {public_v2: {}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	run := func(cache string, args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), program(t), args...)
		c.Env = append(os.Environ(), "CACHE_DIRECTORY="+cache)
		out, err := c.CombinedOutput()
		return string(out), err
	}
	uses := []struct {
		args []string
		want string
	}{
		{[]string{"get", "-M", url, s.Addresses[0], "BOX-MIB::boxHeat.0"}, "BOX-MIB::boxHeat.0 = INTEGER: 42 degrees\n"},
		{[]string{"mib", "translate", "-On", "-M", url, "BOX-MIB::boxHeat.0"}, ".1.3.6.1.4.1.99999.1.0\n"},
		{[]string{"mib", "translate", "-On", "-M", url, "-m", "BOX-MIB", "boxHeat.0"}, ".1.3.6.1.4.1.99999.1.0\n"},
		{[]string{"trap", "-M", url, d.Address, "1", "BOX-MIB::boxHot", "boxHeat.0", "=", "7"}, ""},
		{[]string{"walk", "--config.file", config, "--module", "box", s.Addresses[0]}, "# HELP boxHeat Heat. - 1.3.6.1.4.1.99999.1\n# TYPE boxHeat gauge\nboxHeat 42\n"},
	}
	online := t.TempDir()
	for _, use := range uses {
		for _, cache := range []string{t.TempDir(), online} {
			if out, err := run(cache, use.args...); err != nil || !strings.HasPrefix(out, use.want) {
				t.Errorf("%q: %v\n%s\nwant %s", use.args, err, out, use.want)
			}
		}
	}
	if out, err := run(online, "get", "-M", url, s.Addresses[0], "BUX-MIB::boxHeat.0"); err == nil || !strings.HasPrefix(out, "there is no MIB BUX-MIB; did you mean BOX-MIB?") && !strings.HasPrefix(out, "there is no MIB BUX-MIB: did you mean BOX-MIB?") {
		t.Errorf("a module that the server has not: %v\n%s", err, out)
	}
	server.Close()
	for _, use := range uses {
		if out, err := run(online, use.args...); err != nil || !strings.HasPrefix(out, use.want) {
			t.Errorf("%q without the server: %v\n%s\nwant %s", use.args, err, out, use.want)
		}
	}
	const unreachable = "connection refused; it is not in the cache "
	if out, err := run(t.TempDir(), uses[0].args...); err == nil || !strings.Contains(out, "MIB module BOX-MIB: "+server.URL+"/asn1/BOX-MIB: ") || !strings.Contains(out, unreachable) {
		t.Errorf("with neither server nor cache: %v\n%s", err, out)
	}
	if out, err := run(t.TempDir(), "check", config); err == nil || !strings.Contains(out, "modules.box.get[0]: MIB module BOX-MIB: "+server.URL+"/asn1/BOX-MIB: ") || !strings.Contains(out, unreachable) {
		t.Errorf("the configuration, with neither: %v\n%s", err, out)
	}
}
