package corpus_test

import (
	"flag"
	"os/exec"
	"path/filepath"
	"testing"

	"trapline/internal/corpus"
	"trapline/internal/peers"
)

var keep = flag.String("mibs", "", "write the standard MIB files into this directory, and keep them")

// Net-SNMP reads every standard module without a complaint.
func TestStandardMIBsAreReadByNetSNMP(t *testing.T) {
	dir := *keep
	if dir == "" {
		dir = filepath.Join(corpus.MIBs(t, corpus.Own(t, "mibs")), "rfc")
	} else {
		corpus.WriteStandardMIBs(t, dir)
	}
	out, err := exec.Command(peers.Require(t, "snmptranslate", "snmp"), "-M", dir, "-m", "ALL", "-On", "IF-MIB::ifHCInOctets").CombinedOutput()
	if want := ".1.3.6.1.2.1.31.1.1.1.6\n"; err != nil || string(out) != want {
		t.Errorf("%v: %s, want %s", err, out, want)
	}
}
