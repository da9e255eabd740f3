package main

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
	"trapline/internal/cli"
)

// Who has the port already is said before anything else is begun.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, dir, "snmp.yml", "auths: {a: {community: x}}\nmodules: {m: {get: [1.3.6.1.2.1.1.3.0]}}\nstate_dir: state\n")
	url := serveStub(t, stub{"GET /api/v1/status": api.Status{Version: "0.9.0", Started: ago(73 * time.Hour)}})
	stranger, err := net.Listen("tcp", "127.0.65.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	go func() {
		for {
			c, err := stranger.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	for address, want := range map[string]string{
		strings.TrimPrefix(url, "http://"): `^port \d+ is in use by Trapline 0\.9\.0 \(running 3 days\)\. Use --web\.listen-address=127\.0\.65\.1:\d+\n$`,
		stranger.Addr().String():           `^port \d+ is in use by another program\. Use --web\.listen-address=127\.0\.65\.1:\d+\n$`,
	} {
		got := invokeIn(t, dir, "serve", "--log.level=error", "--web.listen-address="+address)
		if got.status != cli.ExitFailed || got.out != "" || !regexp.MustCompile(want).MatchString(got.errs) {
			t.Errorf("%s: %+v does not match %s", address, got, want)
		}
	}
}

// The configuration is looked for in the standard places, and the error without one has the remedy.
func TestFilesThatAreNotThere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, errs string }{
		{"serve", `snmp.yml: no such file. Try "trapline demo", "trapline init HOST" or --config.file` + "\n"},
		{"check", `snmp.yml: no such file. Try "trapline demo", "trapline init HOST" or --config.file` + "\n"},
		{"serve --config.file=no.yml", `no.yml: no such file. Try "trapline demo", "trapline init HOST" or --config.file` + "\n"},
		{"serve --config.file=.", ""},
	} {
		got := invoke(t, strings.Fields(c.args)...)
		if got.status != cli.ExitUsage || got.out != "" || c.errs != "" && got.errs != c.errs {
			t.Errorf("trapline %s: %+v; want %s", c.args, got, c.errs)
		}
	}
	dir := t.TempDir()
	writeFile(t, dir, "snmp.yml", "auths: {a: {comunity: x}}\n")
	if got := invokeIn(t, dir, "check"); got.status != cli.ExitFailed || !strings.Contains(got.errs, "did you mean") {
		t.Errorf("%+v", got)
	}
}
