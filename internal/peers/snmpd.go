package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The passphrases of all users.
const (
	AuthPassphrase = "authkey1xx"
	PrivPassphrase = "privkey1xx"
)

// User is an SNMPv3 user of the agents. It has read access, with all of its protocols only.
type User struct {
	Name string
	Auth string // MD5, SHA, SHA224, SHA256, SHA384 or SHA512; empty for none
	Priv string // DES, AES, AES192, AES192C, AES256, AES256C or 3DES (not in Net-SNMP); empty for none
}

// Users returns one user for each pair of protocols: usr-none-none, usr-md5-none, usr-sha-aes and
// so on.
func Users() []User {
	users := []User{{Name: "usr-none-none"}}
	for _, auth := range []string{"MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"} {
		for _, priv := range []string{"", "DES", "AES", "AES192", "AES192C", "AES256", "AES256C"} {
			name := "usr-" + strings.ToLower(auth) + "-none"
			if priv != "" {
				name = "usr-" + strings.ToLower(auth+"-"+priv)
			}
			users = append(users, User{name, auth, priv})
		}
	}
	return users
}

// createUser returns the createUser line of Net-SNMP's configuration.
func (u User) createUser() string {
	line := "createUser " + u.Name
	if u.Auth != "" {
		line += fmt.Sprintf(" %s %s", strings.Replace(u.Auth, "SHA", "SHA-", 1), AuthPassphrase)
		line = strings.Replace(line, "SHA- ", "SHA ", 1)
	}
	if u.Priv != "" {
		line += fmt.Sprintf(" %s %s", u.Priv, PrivPassphrase)
	}
	return line
}

func (u User) level() string {
	switch {
	case u.Priv != "":
		return "priv"
	case u.Auth != "":
		return "auth"
	}
	return "noauth"
}

// SnmpdOptions are the options of an snmpd.
type SnmpdOptions struct {
	EngineID string // hex digits; if empty, snmpd generates one and keeps it until Wipe
	Users    []User // nil means UsualUsers; deriving the keys of all Users takes a third of a second
	Config   string // further lines of snmpd.conf
}

// UsualUsers returns a subset of Users: for most tests one of each kind is enough.
func UsualUsers() []User {
	return []User{
		{"usr-none-none", "", ""}, {"usr-sha256-none", "SHA256", ""}, {"usr-sha-aes", "SHA", "AES"},
		{"usr-md5-des", "MD5", "DES"}, {"usr-sha512-aes256", "SHA512", "AES256"},
	}
}

// Snmpd is Net-SNMP's agent. It accepts the communities "public" (read) and "private" (write), and
// its users. Its sysName is "snmpd-test"; Knob is a writable integer.
type Snmpd struct {
	Process  *Process
	Address  string // 127.0.0.1 and the port
	Address6 string // [::1] and the same port; empty without IPv6
	Dir      string

	path string
}

// Knob is an INTEGER of every Snmpd, initially 10.
const Knob = "1.3.6.1.4.1.8072.9999.9999.1.0"

// StartSnmpd runs an snmpd and waits until it responds.
func StartSnmpd(t testing.TB, o SnmpdOptions) *Snmpd {
	t.Helper()
	s := &Snmpd{path: Require(t, "snmpd", "snmpd"), Dir: t.TempDir()}
	s.Address, s.Address6 = FreeUDPAddresses(t)
	var c strings.Builder
	c.WriteString("agentAddress udp:" + s.Address)
	if s.Address6 != "" {
		c.WriteString(",udp6:" + s.Address6)
		c.WriteString("\nrocommunity6 public ::1")
	}
	c.WriteString("\nrocommunity public 127.0.0.0/8\nrwcommunity private 127.0.0.0/8\nsysName snmpd-test\n")
	c.WriteString("sysLocation rack 1\nsysContact nobody@example.test\n")
	fmt.Fprintf(&c, "override -rw .%s integer 10\n", Knob)
	if o.EngineID != "" {
		c.WriteString("exactEngineID 0x" + o.EngineID + "\n")
	}
	if o.Users == nil {
		o.Users = UsualUsers()
	}
	for _, u := range o.Users {
		fmt.Fprintf(&c, "%s\nrouser %s %s\n", u.createUser(), u.Name, u.level())
	}
	c.WriteString(o.Config)
	if err := os.WriteFile(filepath.Join(s.Dir, "snmpd.conf"), []byte(c.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Start(t)
	return s
}

// Start restarts the agent after Stop or Kill with its persistent state, like a reboot.
func (s *Snmpd) Start(t testing.TB) {
	t.Helper()
	// -f stays in the foreground, -r runs without root, -Lo logs to stdout; smux would share a port
	// with other agents of this host.
	s.Process = Start(t, NetSNMPEnvironment(t, s.Dir), s.path, "-f", "-r", "-I", "-smux", "-Lo")
	s.Process.Await(t, func() bool { return strings.Contains(s.Process.Output(), "NET-SNMP version") })
}

// Keys returns the agent's engine ID and the user's localized keys, in hexadecimal digits with the
// prefix 0x.
func (s *Snmpd) Keys(t testing.TB, user string) (engineID, authKey, privKey string) {
	t.Helper()
	name := fmt.Sprintf("0x%x", user)
	s.Process.Await(t, func() bool {
		text, _ := os.ReadFile(filepath.Join(s.Dir, "var", "snmpd.conf"))
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 10 && f[0] == "usmUser" && f[4] == name {
				engineID, authKey, privKey = f[3], f[8], f[10]
			}
		}
		return engineID != ""
	})
	return engineID, authKey, privKey
}

// Wipe deletes the boots of the stopped agent, and its engine ID unless it is set in SnmpdOptions.
func (s *Snmpd) Wipe(t testing.TB) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(s.Dir, "var")); err != nil {
		t.Fatal(err)
	}
}

// NetSNMPEnvironment confines Net-SNMP's programs to dir for configuration and persistent state,
// which requires both paths. It disables MIBs, which only slow them down, and retries, which would
// duplicate informs.
func NetSNMPEnvironment(t testing.TB, dir string) []string {
	t.Helper()
	kept := filepath.Join(dir, "var")
	if err := os.MkdirAll(filepath.Join(kept, "cert_indexes"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "snmp.conf"), []byte("timeout 20\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"MIBS=", "SNMPCONFPATH=" + dir + ":" + kept, "SNMP_PERSISTENT_DIR=" + kept}
}

// NetSNMP runs one of Net-SNMP's commands, such as snmpbulkwalk, and returns its output.
func NetSNMP(t testing.TB, program string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), Require(t, program, "snmp"), args...)
	command.Env = append(os.Environ(), NetSNMPEnvironment(t, t.TempDir())...)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}
