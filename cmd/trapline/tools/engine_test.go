package tools

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/statedir"
)

// The lines that `trapline engine` prints are all that snmptrapd needs to take our traps of SNMPv3.
func TestSnmptrapdTakesTheLinesOfEngine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const receivers = "- {name: a, type: trap, auth: secure, address: ADDRESS}\n- {name: b, type: trap, auth: strong, address: ADDRESS}\n- {name: c, auth: secure, address: ADDRESS}\n"
	c := programtest.Loaded(t, programtest.Notifying(t, dir, receivers))
	id, _, err := statedir.Engine(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i := range c.Receivers {
		line, err := c.Receivers[i].CreateUser(c.Auths[c.Receivers[i].Auth], id)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, peers.AuthPassphrase) || (line == "") != (c.Receivers[i].Type == "inform") {
			t.Errorf("receiver %s: %q", c.Receivers[i].Name, line)
		}
		lines = append(lines, line)
	}
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Config: strings.Join(lines, "\n")})
	c = programtest.Loaded(t, programtest.Notifying(t, dir, strings.ReplaceAll(receivers, "ADDRESS", d.Address)))
	for i, name := range []string{"a", "b", "c"} {
		text, err := TestReceiver(t.Context(), c, name, "", slog.New(slog.DiscardHandler))
		if err != nil || !regexp.MustCompile([]string{"^sent; ", "^sent; ", "^acknowledged in "}[i]).MatchString(text) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
		if got := d.AwaitReceived(t, i+1)[i]; !strings.Contains(got, "= OID: .1.3.6.1.4.1.32473.1.0.6") {
			t.Errorf("%s received %s", name, got)
		}
	}
	if _, err := TestReceiver(t.Context(), c, "d", "", slog.New(slog.DiscardHandler)); err == nil || err.Error() != `the configuration has no receiver "d"` {
		t.Errorf("a receiver that is not there: %v", err)
	}
}

// A test may be any notification that MIBs have, to a receiver of any format.
func TestTestsByType(t *testing.T) {
	t.Parallel()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	c := programtest.Loaded(t, programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: a, type: trap, address: %q}\n- {name: b, format: disman, address: %[1]q}\n- {name: hook, type: webhook, url: \"http://192.0.2.1/\"}\n", d.Address)))
	quiet := slog.New(slog.DiscardHandler)
	for i, test := range []struct{ to, name, want string }{
		{"a", "coldStart", ".1.3.6.1.6.3.1.1.5.1"},
		{"b", "1.3.6.1.4.1.32473.9.0.1", ".1.3.6.1.4.1.32473.9.0.1"},
		{"b", "IF-MIB::linkDown", ".1.3.6.1.6.3.1.1.5.3|~|.1.3.6.1.2.1.2.2.1.1 = No Such Instance"},
	} {
		if _, err := TestReceiver(t.Context(), c, test.to, test.name, quiet); err != nil {
			t.Error(err)
		}
		if got := d.AwaitReceived(t, i+1)[i]; !strings.Contains(got, "= OID: "+test.want) {
			t.Errorf("%s: received %s", test.name, got)
		}
	}
	for want, words := range map[string][2]string{
		`no module defines "coldStar": did you mean coldStart?`:             {"a", "coldStar"},
		"ifDescr is no notification: MIBs know it as a column":              {"a", "ifDescr"},
		`receiver "hook" is a webhook, which has no types of notifications`: {"hook", "coldStart"},
	} {
		if _, err := TestReceiver(t.Context(), c, words[0], words[1], quiet); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", words[1], err, want)
		}
	}
}
