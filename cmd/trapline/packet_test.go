package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"trapline/internal/peers"
)

// The printed messages contain neither the community nor a password.
func TestPacketsAreShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	binary := program(t)
	show := func(args ...string) string {
		var text strings.Builder
		c := exec.Command(binary, append(args, "--packets", snmpd.Address, "1.3.6.1.2.1.1.5")...)
		c.Stderr, c.Stdout = &text, os.Stderr
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(`(request-id|msgID|boots|time|octets) \d+|\d+ octets`).ReplaceAllString(strings.ReplaceAll(text.String(), snmpd.Address, "DEVICE"), "$1 N")
	}
	const v2 = `to DEVICE,  N: GetBulkRequest, request-id N, non-repeaters 0, max-repetitions 25
    .1.3.6.1.2.1.1.5
from DEVICE,  N: Response, request-id N, noError, error-index 0
    .1.3.6.1.2.1.1.5.0 = STRING: "snmpd-test"
`
	if got := show("walk", "-v2c", "-cpublic"); !strings.HasPrefix(got, v2) || strings.Contains(got, "public") {
		t.Errorf("got:\n%s\nwant first:\n%s", got, v2)
	}
	got := show("walk", "-v3", "-uusr-sha-aes", "-lauthPriv", "-aSHA", "-A"+peers.AuthPassphrase, "-xAES", "-X"+peers.PrivPassphrase)
	for _, want := range []string{"msgID N, engine , boots N", "Report", `user "usr-sha-aes", GetBulkRequest`, `STRING: "snmpd-test"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, peers.AuthPassphrase) {
		t.Errorf("a password in:\n%s", got)
	}
}
