package main

import (
	"testing"

	"github.com/alecthomas/kingpin/v2"
)

func TestNotificationsThatAreWrong(t *testing.T) {
	for want, args := range map[string][]string{
		`["1"]: a notification of version 2c begins with 2 words, see --help`:                          {"host", "1"},
		`["1.3" "" "6"]: a notification of version 1 begins with 5 words, see --help`:                  {"-v1", "host", "1.3", "", "6"},
		`uptime "soon" is no whole number of hundredths of a second`:                                   {"host", "soon", "1.3.6"},
		`"IF-MIB::linkUp" is not a numeric OID: "IF-MIB::linkUp" is not a number from 0 to 4294967295`: {"host", "", "IF-MIB::linkUp"},
		`1.3 is too short for the OID of a notification`:                                               {"host", "", "1.3"},
		`["1.3.6" "i"]: a variable binding is an OID, a type and a value`:                              {"host", "", "1.3.6", "1.3.6", "i"},
		`"1" is not a numeric OID`:                                {"host", "", "1.3.6", "1", "i", "1"},
		`1.3.6: type "?": use one of i u c C t a o s x d b n F D`: {"host", "", "1.3.6", "1.3.6", "?", "1"},
		`1.3.6: "-2147483649" is no value of type i (INTEGER): write a whole number from -2147483648 to 2147483647`:      {"host", "", "1.3.6", "1.3.6", "i", "-2147483649"},
		`1.3.6: "-1" is no value of type u (Unsigned32): write a whole number from 0 to 4294967295`:                      {"host", "", "1.3.6", "1.3.6", "u", "-1"},
		`1.3.6: "::1" is no value of type a (IpAddress): write an address of IPv4`:                                       {"host", "", "1.3.6", "1.3.6", "a", "::1"},
		`1.3.6: "123" is no value of type x (octets in hexadecimal digits): write two hexadecimal digits for each octet`: {"host", "", "1.3.6", "1.3.6", "x", "123"},
		`1.3.6: "4000000000" is no value of type b (BITS): write the numbers of the bits that are set, from 0 to 65535`:  {"host", "", "1.3.6", "1.3.6", "b", "4000000000"},
		`agent "::1" is no address of IPv4`:                          {"-v1", "host", "1.3.6", "::1", "6", "1", ""},
		`generic-trap 7: SNMPv1 has 0 to 6`:                          {"-v1", "host", "1.3.6", "", "7", "1", ""},
		`generic-trap 6 wants an enterprise`:                         {"-v1", "host", "", "", "6", "1", ""},
		`specific-trap "-1" is no whole number from 0 to 2147483647`: {"-v1", "host", "1.3.6", "", "6", "-1", ""},
	} {
		app := kingpin.New("trapline", "")
		flags := addTrapFlags(app.Command("trap", ""))
		if _, err := app.Parse(append([]string{"trap"}, spelledOut(args)...)); err != nil {
			t.Fatal(err)
		}
		if _, err := flags.notification(); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", args, err, want)
		}
	}
}

func TestReceiversThatAreWrong(t *testing.T) {
	for want, args := range map[string][]string{
		`address "tcp:host": notifications travel by udp, udp4 or udp6`: {"tcp:host"},
		`version 3 needs a username`:                                    {"-v3", "host"},
		`-t -1: write seconds, or a duration such as 500ms`:             {"-t-1", "host"},
	} {
		app := kingpin.New("trapline", "")
		flags := addTrapFlags(app.Command("trap", ""))
		if _, err := app.Parse(append(append([]string{"trap"}, args...), "1", "1.3.6")); err != nil {
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
