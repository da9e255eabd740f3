package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"trapline/config"
	"trapline/internal/programtest"
)

var alertNames = regexp.MustCompile(`(?m)^- alert: (.*)$`)

// The files of snmptrapd and snmptt in the documents are imported as sections that are taken, with the alarms, auths and
// addresses of the configuration that follows them.
func TestImportOfTheDocuments(t *testing.T) {
	t.Parallel()
	files := map[string]string{"snmp.yml": "auths: {public_v2: {community: public}}\ntargets: [{address: 192.0.2.1, auth: public_v2}]\n"}
	for _, block := range documentBlocks(t, "docs/8-moving.md", "conf") {
		first, _, _ := strings.Cut(block.text, "\n")
		files[strings.TrimPrefix(first, "# ")] = block.text
	}
	path := programtest.InDir(t, files)
	out, err := exec.Command(program(t), "import", "traps", path("snmptrapd.conf"), path("snmptt.conf"), "--output="+path("traps.yml")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := config.Load([]string{path("snmp.yml"), path("traps.yml")}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range documentBlocks(t, "docs/8-moving.md", "yaml") {
		if !strings.Contains(block.text, "trap_user_1") {
			continue
		}
		var names []string
		for i := range got.TrapRules {
			names = append(names, got.TrapRules[i].Alert)
		}
		var want []string
		for _, m := range alertNames.FindAllStringSubmatch(block.text, -1) {
			want = append(want, m[1])
		}
		if fmt.Sprint(names) != fmt.Sprint(want) || len(want) == 0 {
			t.Errorf("%s has the alerts %v, the import %v", &block, want, names)
		}
		if in := fmt.Sprint(got.Listen.Addresses, got.Listen.Auths); in != "[:1162] [trap_community_1 trap_user_1]" {
			t.Errorf("the import listens as %s", in)
		}
		return
	}
	t.Error("no configuration follows from the import")
}
