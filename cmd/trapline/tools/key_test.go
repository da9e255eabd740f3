package tools

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/netsnmp"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// clientFlagsOf reads a command line of get or walk.
func clientFlagsOf(t testing.TB, args ...string) *cli.ClientFlags {
	t.Helper()
	app := kingpin.New("trapline", "")
	flags := cli.AddClientFlags(app.Command("get", ""))
	if _, err := app.Parse(append([]string{"get"}, cli.SpelledOut(args)...)); err != nil {
		t.Fatal(err)
	}
	return flags
}

// Without -e, a localized key is taken for that of the device that answers.
func TestLocalizedKeyOptionsWithoutEngineID(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	_, auth, priv := snmpd.Keys(t, "usr-sha-aes")
	flags := clientFlagsOf(t, "-v3", "-u", "usr-sha-aes", "-l", "authPriv", "-a", "SHA", "-x", "AES", "-3k", auth, "-3K", priv, snmpd.Address)
	e, target, params, err := flags.Target(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var got []string
	_, err = target.Poll(t.Context(), &client.Plan{Get: []snmp.OID{snmp.MustParseOID("1.3.6.1.2.1.1.5.0")}, Params: params}, func(v snmp.VarBind) { got = append(got, netsnmp.NumericLine(v)) })
	if want := `.1.3.6.1.2.1.1.5.0 = STRING: "snmpd-test"`; err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestKeyOptionsThatAreWrong(t *testing.T) {
	v3 := []string{"-v3", "-u", "me", "-l", "authPriv", "-a", "SHA-256", "-A", "authkey1xx", "-x", "AES"}
	for want, args := range map[string][]string{
		"-3M has 16 octets where a master key for SHA256 has 32":                                  {"-3M", "0x00112233445566778899aabbccddeeff"},
		"-3M has something else than two hexadecimal digits for each octet":                       {"-3M", "0xyz"},
		"priv_password and priv_master_key are both set: keep one":                                {"-X", "privkey1xx", "-3M", "0x00"},
		"an engine ID has 5 to 32 octets, not 2":                                                  {"-X", "privkey1xx", "-e", "8000"},
		"password and localized_key are both set: keep one":                                       {"-X", "privkey1xx", "-e", "8000000001", "-3k", "0x00"},
		"security level authPriv needs a privacy password: -X PASSPHRASE, or the key: -3M or -3K": nil,
	} {
		_, err := clientFlagsOf(t, append(append(v3[:len(v3):len(v3)], args...), "127.0.0.1")...).Auth()
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", args, err, want)
		}
	}
}

// The output of discover is as snmpd stores it in its own file.
func TestDiscoverPrintsWhatTheAgentKeeps(t *testing.T) {
	t.Parallel()
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	snmpd.Process.Stop()
	snmpd.Start(t)
	app := kingpin.New("trapline", "")
	flags := cli.AddHostFlags(app.Command("discover", "").Default())
	if _, err := app.Parse([]string{snmpd.Address}); err != nil {
		t.Fatal(err)
	}
	d, err := flags.Discover(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := snmpd.Keys(t, "usr-sha-aes")
	kept, err := os.ReadFile(filepath.Join(snmpd.Dir, "var", "snmpd.conf"))
	if err != nil || !strings.Contains(string(kept), "\nengineBoots 2\n") {
		t.Fatalf("%s, %v", kept, err)
	}
	want := fmt.Sprintf("engine_id: %s # enterprise 8072 (Net-SNMP), drawn at random %s\nboots: 2\ntime: ", strings.TrimPrefix(id, "0x"), id[12:])
	if got := discovered(d); !strings.HasPrefix(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestKeysThatPassphrasesBecome(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	for _, u := range peers.UsualUsers()[2:] {
		id, auth, priv := snmpd.Keys(t, u.Name)
		app := kingpin.New("trapline", "")
		flags := cli.AddKeyFlags(app.Command("key", "").Default())
		if _, err := app.Parse([]string{"-a", u.Auth, "-A", peers.AuthPassphrase, "-x", u.Priv, "-X", peers.PrivPassphrase, "-e", id}); err != nil {
			t.Fatal(err)
		}
		lines, err := keyLines(&flags)
		if err != nil || len(lines) != 4 || lines[2] != "localized_key: "+auth[2:] || lines[3] != "priv_localized_key: "+priv[2:] {
			t.Errorf("%s: %q, %v, snmpd has %s and %s", u.Name, lines, err, auth, priv)
		}
		peers.NetSNMP(t, "snmpget", "-v3", "-u", u.Name, "-l", "authPriv", "-a", strings.Replace(u.Auth, "SHA5", "SHA-5", 1), "-x", u.Priv,
			"-3m", "0x"+strings.TrimPrefix(lines[0], "master_key: "), "-3M", "0x"+strings.TrimPrefix(lines[1], "priv_master_key: "), snmpd.Address, "1.3.6.1.2.1.1.5.0")
	}
}
