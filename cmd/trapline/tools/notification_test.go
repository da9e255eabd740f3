package tools

import (
	"slices"
	"testing"

	"trapline/internal/cli"
)

func TestNotificationsThatAreWrong(t *testing.T) {
	for want, args := range map[string][]string{
		`["1"]: a notification of version 2c begins with 2 words, see --help`:                                                                  {"host", "1"},
		`["1.3" "" "6"]: a notification of version 1 begins with 5 words, see --help`:                                                          {"-v1", "host", "1.3", "", "6"},
		`uptime "soon" is no whole number of hundredths of a second`:                                                                           {"host", "soon", "1.3.6"},
		`module IF-MIB does not define "linkUpp": did you mean linkUp?`:                                                                        {"host", "", "IF-MIB::linkUpp"},
		`no module defines "ifDescrr": did you mean ifDescr?`:                                                                                  {"host", "", "IF-MIB::linkUp", "ifDescrr.1", "s", "a"},
		`ifAdminStatus.1: "uq" is no value of type i (INTEGER): did you mean up?`:                                                              {"host", "", "IF-MIB::linkUp", "ifAdminStatus.1", "i", "uq"},
		`ipDefaultTTL.0: "300" is no value of ipDefaultTTL (Integer32): write a whole number from 1 to 255`:                                    {"host", "", "IF-MIB::linkUp", "ipDefaultTTL.0", "=", "300"},
		`ifPhysAddress.1: "00:1g" is no value of ifPhysAddress (PhysAddress): its DISPLAY-HINT is 1x:: at "g", want a ":" with more behind it`: {"host", "", "IF-MIB::linkUp", "ifPhysAddress.1", "=", "00:1g"},
		`1.3.6.1.4.1.9: MIBs know no type for it: write one`:                                                                                   {"host", "", "IF-MIB::linkUp", "1.3.6.1.4.1.9", "=", "7"},
		`snmpTrapOID.0: "linkUpp" is no value of type o (OBJECT IDENTIFIER): no module defines "linkUpp": did you mean linkUp?`:                {"host", "", "IF-MIB::linkUp", "snmpTrapOID.0", "o", "linkUpp"},
		`1.3 is too short for the OID of a notification`:                                                                                       {"host", "", "1.3"},
		`["1.3.6" "i"]: a variable binding is an OID, a type and a value`:                                                                      {"host", "", "1.3.6", "1.3.6", "i"},
		`"1" is not an OID: an OID has two numbers or more`:                                                                                    {"host", "", "1.3.6", "1", "i", "1"},
		`1.3.6: type "?": use one of i u c C t a o s x d b n F D =`:                                                                            {"host", "", "1.3.6", "1.3.6", "?", "1"},
		`1.3.6: "-2147483649" is no value of type i (INTEGER): write a whole number from -2147483648 to 2147483647`:                            {"host", "", "1.3.6", "1.3.6", "i", "-2147483649"},
		`1.3.6: "-1" is no value of type u (Unsigned32): write a whole number from 0 to 4294967295`:                                            {"host", "", "1.3.6", "1.3.6", "u", "-1"},
		`1.3.6: "::1" is no value of type a (IpAddress): write an address of IPv4`:                                                             {"host", "", "1.3.6", "1.3.6", "a", "::1"},
		`1.3.6: "123" is no value of type x (octets in hexadecimal digits): write two hexadecimal digits for each octet`:                       {"host", "", "1.3.6", "1.3.6", "x", "123"},
		`1.3.6: "4000000000" is no value of type b (BITS): write the numbers of the bits that are set, from 0 to 65535`:                        {"host", "", "1.3.6", "1.3.6", "b", "4000000000"},
		`agent "::1" is no address of IPv4`:                                                                                                    {"-v1", "host", "1.3.6", "::1", "6", "1", ""},
		`generic-trap 7: SNMPv1 has 0 to 6`:                                                                                                    {"-v1", "host", "1.3.6", "", "7", "1", ""},
		`generic-trap 6 wants an enterprise`:                                                                                                   {"-v1", "host", "", "", "6", "1", ""},
		`specific-trap "-1" is no whole number from 0 to 2147483647`:                                                                           {"-v1", "host", "1.3.6", "", "6", "-1", ""},
	} {
		program := cli.NewProgram("")
		flags := addTrapFlags(program, program.App.Command("trap", ""))
		if _, err := program.App.Parse(append([]string{"trap"}, cli.SpelledOut(args)...)); err != nil {
			t.Fatal(err)
		}
		if _, err := flags.notification(nil); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", args, err, want)
		}
	}
}

func TestReceiversThatAreWrong(t *testing.T) {
	for want, args := range map[string][]string{
		`address "tcp:host": notifications travel by udp, udp4 or udp6`:                           {"tcp:host"},
		`version 3 needs a username: -u NAME`:                                                     {"-v3", "host"},
		`security level authPriv needs a password: -A PASSPHRASE, or the key: -3m or -3k`:         {"-v3", "-u", "me", "-l", "authPriv", "host"},
		`security level authPriv needs a privacy password: -X PASSPHRASE, or the key: -3M or -3K`: {"-v3", "-u", "me", "-l", "authPriv", "-A", "correct horse", "host"},
		`-3M has 2 octets where a master key for SHA has 20`:                                      {"-v3", "-u", "me", "-l", "authPriv", "-a", "SHA", "-A", "correct horse", "--priv-master-key", "0102", "host"},
		`-t -1: write seconds, or a duration such as 500ms`:                                       {"-t-1", "host"},
	} {
		program := cli.NewProgram("")
		flags := addTrapFlags(program, program.App.Command("trap", ""))
		if _, err := program.App.Parse(append(append([]string{"trap"}, args...), "1", "1.3.6")); err != nil {
			t.Fatal(err)
		}
		if _, err := flags.receiver(); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", args, err, want)
		}
	}
	for _, clock := range []string{"5", "5,", "-1,2", "5,2147483648"} {
		if _, err := parseIdentity([]byte("12345"), clock); err == nil {
			t.Errorf("-Z %s is taken", clock)
		}
	}
	if _, err := parseIdentity(nil, "5,6"); err == nil || err.Error() != "-Z wants -e, the engine ID that the boots are of" {
		t.Errorf("-Z without -e: %v", err)
	}
}

// The words of --to are those that a shell would make of it.
func TestShellWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                      nil,
		"  a  b\tc ":            {"a", "b", "c"},
		`a'b c'd "e f" '' g\ h`: {"ab cd", "e f", "", "g h"},
		`'\' "\"'" \\`:          {`\`, `"'`, `\`},
	} {
		if got, err := ShellWords(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`"`, `'a`, `a\`, `'"`} {
		if got, err := ShellWords(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}
