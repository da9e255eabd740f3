package trapimport

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// snmptrapd reads the lines of snmptrapd.conf.
func (c *reader) snmptrapd(lines []string) {
	users := map[string][]string{} // the words of createUser, by name
	for i, line := range lines {
		if fields := words(line); len(fields) > 2 && strings.EqualFold(fields[0], "createUser") {
			c.line = i + 1
			if user := c.withoutEngine(fields[1:]); len(user) > 0 {
				users[user[0]] = user[1:]
			}
		}
	}
	for i, line := range lines {
		c.line = i + 1
		fields := words(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		switch strings.ToLower(fields[0]) {
		case "snmptrapdaddr":
			c.addAddresses(strings.Join(fields[1:], ","))
		case "authcommunity":
			c.authCommunity(fields[1:])
		case "authuser":
			c.authUser(fields[1:], users)
		case "createuser":
		case "disableauthorization":
			c.note("%s: Trapline accepts only what an auth of listen.auths has", strings.Join(fields, " "))
		case "traphandle":
			c.note("%s: have a receiver of type webhook run it", strings.Join(fields, " "))
		case "forward":
			c.addForward(fields)
		case "includefile":
			c.note("%s: name this file behind this one too", strings.Join(fields, " "))
		case "includedir":
			c.note("%s: name its files *.conf behind this one too", strings.Join(fields, " "))
		default:
			c.note("%s has no counterpart", fields[0])
		}
	}
}

// withoutEngine cuts -e ENGINEID off.
func (c *reader) withoutEngine(fields []string) []string {
	if len(fields) > 2 && fields[0] == "-e" {
		return fields[2:]
	}
	return fields
}

// words splits a line into words, of which those in quotes may contain blanks.
func words(line string) (list []string) {
	var b strings.Builder
	quote, inside := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			b.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inside = r, true
		case r == ' ' || r == '\t':
			if inside || b.Len() > 0 {
				list = append(list, b.String())
			}
			b.Reset()
			inside = false
		case r == '#' && b.Len() == 0 && !inside:
			return list
		default:
			b.WriteRune(r)
		}
	}
	if inside || b.Len() > 0 {
		list = append(list, b.String())
	}
	return list
}

func (c *reader) addAddresses(list string) {
	for one := range strings.SplitSeq(list, ",") {
		transport, rest, found := strings.Cut(one, ":")
		switch strings.ToLower(transport) {
		case "udp", "udp6", "udp4":
			one = rest
		case "tcp", "tcp6", "tls", "tlstcp", "dtls", "dtlsudp", "ssh", "unix":
			c.note("%s: notifications are received over UDP only", one)
			continue
		default:
			if !found && allDigits(one) {
				one = ":" + one
			}
		}
		if allDigits(one) {
			one = ":" + one
		}
		if one != "" && !slices.Contains(c.addresses, one) {
			c.addresses = append(c.addresses, one)
		}
	}
}

// addForward reads forward default|OID DESTINATION. Only destinations of UDP have a counterpart.
func (c *reader) addForward(fields []string) {
	if len(fields) != 3 {
		c.note("%s: want forward default DESTINATION, or an OID", strings.Join(fields, " "))
		return
	}
	traps, address := strings.TrimPrefix(fields[1], "."), fields[2]
	if strings.EqualFold(traps, "default") {
		traps = "*"
	}
	transport, rest, _ := strings.Cut(address, ":")
	switch strings.ToLower(transport) {
	case "tcp", "tcp6", "tls", "tlstcp", "dtls", "dtlsudp", "ssh", "unix", "alias", "ipx":
		c.note("%s: notifications are sent over UDP only", strings.Join(fields, " "))
		return
	case "udp":
		address = rest
	case "udpv6", "udpipv6", "udp6":
		address = "udp6:" + rest
	}
	for i := range c.forwards {
		if f := &c.forwards[i]; f.address == address {
			if !slices.Contains(f.traps, traps) {
				f.traps = append(f.traps, traps)
			}
			return
		}
	}
	c.forwards = append(c.forwards, forward{address, []string{traps}})
}

func allDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// authCommunity reads TYPES COMMUNITY [SOURCE [OID]].
func (c *reader) authCommunity(fields []string) {
	if len(fields) < 2 {
		return
	}
	c.addAuth("community", [][2]string{{"version", "2c"}, {"community", fields[1]}})
	switch {
	case len(fields) == 2 || fields[2] == "default":
		c.anyone = true
	default:
		source := fields[2]
		if _, err := netip.ParseAddr(source); err != nil {
			if _, err := netip.ParsePrefix(source); err != nil {
				c.note("the source %s of a community is left out: write listen.allow", source)
				return
			}
		}
		c.allow = append(c.allow, source)
		if len(fields) > 3 {
			c.note("the OID %s of a community is left out", fields[3])
		}
	}
}

// authUser reads TYPES [-s MODEL] USER [LEVEL].
func (c *reader) authUser(fields []string, users map[string][]string) {
	if len(fields) > 0 {
		fields = fields[1:]
	}
	if len(fields) > 1 && fields[0] == "-s" {
		fields = fields[2:]
	}
	if len(fields) == 0 {
		return
	}
	level := "auth"
	if len(fields) > 1 {
		level = fields[1]
	}
	c.anyone = true
	user, known := users[fields[0]]
	if !known {
		c.note("user %s: createUser is not here, probably in /var/lib/snmp/snmptrapd.conf: write its passwords", fields[0])
		user = []string{"SHA", "PASSWORD", "AES", "PASSWORD"}
	}
	keys := [][2]string{{"version", "3"}, {"username", fields[0]}}
	auth, priv := len(user) >= 2, len(user) >= 3
	word := "noAuthNoPriv"
	if auth && level != "noauth" {
		keys = append(keys, [2]string{"auth_protocol", protocol(user[0])}, [2]string{"password", user[1]})
		word = "authNoPriv"
		if priv && level != "auth" || priv && len(user) > 2 {
			pass := user[1]
			if len(user) > 3 {
				pass = user[3]
			}
			keys = append(keys, [2]string{"priv_protocol", protocol(user[2])}, [2]string{"priv_password", pass})
			word = "authPriv"
		}
	}
	c.addAuth("user", append(keys, [2]string{"security_level", word}))
}

// protocol returns the name of a protocol without hyphens, as in SHA256.
func protocol(name string) string {
	name = strings.ToUpper(strings.ReplaceAll(name, "-", ""))
	if name == "AES128" {
		return "AES"
	}
	return name
}

func (c *reader) addAuth(kind string, keys [][2]string) {
	n := 1
	for _, a := range c.auths {
		if slices.Equal(a.keys, keys) {
			return
		}
		if strings.HasPrefix(a.name, "trap_"+kind) {
			n++
		}
	}
	c.auths = append(c.auths, auth{fmt.Sprintf("trap_%s_%d", kind, n), keys})
}
