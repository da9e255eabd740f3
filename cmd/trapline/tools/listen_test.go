package tools

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"trapline/internal/cli"
	"trapline/internal/originator"
	"trapline/internal/peers"
)

// withoutTime matches the time that a line begins with, and what is another engine ID each time.
var withoutTime = regexp.MustCompile(`^\d\d:\d\d:\d\d |8000[0-9a-f]{20,}`)

func TestListenPrintsWhatComes(t *testing.T) {
	t.Parallel()
	const sysDescr, tail = ".1.3.6.1.2.1.1.1.0", "\n  .1.3.6.1.2.1.1.3.0 = Timeticks: (7) 0:00:00.07\n  .1.3.6.1.6.3.1.1.4.1.0 = OID: .1.3.6.1.6.3.1.1.5.2\n"
	for output, in := range map[string]*strings.Replacer{
		"n": strings.NewReplacer(),
		"": strings.NewReplacer(sysDescr, "SNMPv2-MIB::sysDescr.0", ".1.3.6.1.2.1.1.3.0", "SNMPv2-MIB::sysUpTime.0", ".1.3.6.1.6.3.1.1.4.1.0", "SNMPv2-MIB::snmpTrapOID.0",
			".1.3.6.1.6.3.1.1.5.2", "SNMPv2-MIB::warmStart", `STRING: "a\nb"`, `STRING: a\nb`),
	} {
		address, _ := peers.FreeUDPAddresses(t)
		flags := clientFlagsOf(t, "-u", "usr", "-l", "authPriv", "-a", "SHA", "-A", peers.AuthPassphrase, "-x", "AES", "-X", peers.PrivPassphrase, address)
		l, closed, err := openListener(flags, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		line, err := cli.ReceivedLine(cli.NameFlags{Dirs: &[]string{}, Output: &output})
		if err != nil {
			t.Fatal(err)
		}
		printed := make(chan string, 10)
		l.Handle = func(r *originator.Received) {
			var b strings.Builder
			printReceived(&b, r, line)
			printed <- b.String()
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- l.Run(ctx) }()
		const head = "127.0.0.1:"
		for _, test := range []struct{ program, args, before, after string }{
			{"snmptrap", "-v1 -c public ADDRESS 1.3.6.1.4.1.9 192.0.2.7 6 5 7 1.3.6.1.2.1.1.1.0 s a\nb", "v1 trap from ", ` community "public" enterprise .1.3.6.1.4.1.9 agent 192.0.2.7 generic 6 specific 5 uptime 7` + "\n  " + sysDescr + ` = STRING: "a\nb"` + "\n"},
			{"snmpinform", "-v2c -c public ADDRESS 7 1.3.6.1.6.3.1.1.5.2", "v2c inform from ", ` community "public"` + tail},
			{"snmpinform", "-v3 -u usr -l authPriv -a SHA -A authkey1xx -x AES -X privkey1xx -n ctx ADDRESS 7 1.3.6.1.6.3.1.1.5.2", "v3 inform from ", ` user "usr" context "ctx" engine ` + tail},
		} {
			peers.NetSNMP(t, test.program, strings.Split(strings.Replace(test.args, "ADDRESS", address, 1), " ")...)
			got := withoutTime.ReplaceAllString(<-printed, "")
			port, _, _ := strings.Cut(strings.TrimPrefix(got, test.before+head), " ")
			if want := test.before + head + port + in.Replace(test.after); got != want {
				t.Errorf("printed\n%s\nwant\n%s", got, want)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := closed(); err != nil {
			t.Error(err)
		}
	}
}
