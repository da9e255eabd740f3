package access

import "testing"

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]Address{
		"switch":                         {"udp", "switch", 161},
		"switch.example.com:1161":        {"udp", "switch.example.com", 1161},
		"192.0.2.1":                      {"udp", "192.0.2.1", 161},
		"192.0.2.1:0":                    {"udp", "192.0.2.1", 0},
		"192.0.2.1:65535":                {"udp", "192.0.2.1", 65535},
		"::1":                            {"udp", "::1", 161},
		"2001:db8::1":                    {"udp", "2001:db8::1", 161},
		"[::1]":                          {"udp", "::1", 161},
		"[::1]:1161":                     {"udp", "::1", 1161},
		"fe80::1%eth0":                   {"udp", "fe80::1%eth0", 161},
		"[fe80::1%eth0]:1161":            {"udp", "fe80::1%eth0", 1161},
		"[switch]:1161":                  {"udp", "switch", 1161},
		"udp://switch":                   {"udp", "switch", 161},
		"udp4://192.0.2.1:1161":          {"udp4", "192.0.2.1", 1161},
		"udp6://::1":                     {"udp6", "::1", 161},
		"udp6://[::1]:1161":              {"udp6", "::1", 1161},
		"udp6:[::1]:161":                 {"udp6", "::1", 161},
		"udp6:::1":                       {"udp6", "::1", 161},
		"udp:switch:1161":                {"udp", "switch", 1161},
		"tcp:192.0.2.1":                  {"tcp", "192.0.2.1", 161},
		"tcp://switch:1161":              {"tcp", "switch", 1161},
		"tcp4://switch":                  {"tcp4", "switch", 161},
		"tcp6://[2001:db8::1]":           {"tcp6", "2001:db8::1", 161},
		"udp":                            {"udp", "udp", 161},
		"[2001:db8:1:2:3:4:5:6]:65535":   {"udp", "2001:db8:1:2:3:4:5:6", 65535},
		"tcp6://[2001:db8:1:2:3:4:5:6]:": {"tcp6", "2001:db8:1:2:3:4:5:6", 161},
	} {
		got, err := ParseAddress(text)
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v, want %+v", text, got, err, want)
			continue
		}
		if again, err := ParseAddress(got.String()); err != nil || again != got {
			t.Errorf("%s prints as %s, which is %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{
		"", ":161", "[]:161", "udp://", "udp:", "switch:65536", "switch:-1", "switch:+1", "switch:http", "switch:0x10", "switch:1 ",
		"http://switch", "tls://switch", "UDP://switch", "tcp://udp://switch", "udp:tcp:switch", "2001:db8::1:2:3:4:5:6:161",
		"[::1", "::1]", "[::1]161", "[[::1]]:161", "[::1]:65536", "switch/path", "two words", "a:b:c",
	} {
		if got, err := ParseAddress(text); err == nil {
			t.Errorf("%q was taken for %+v", text, got)
		}
	}
}
