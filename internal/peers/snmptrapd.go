package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/corpus"
)

// SnmptrapdOptions say how an snmptrapd differs from others.
type SnmptrapdOptions struct {
	Address        string // 127.0.0.1 and a port; empty takes a free one
	SenderEngineID string // hex digits: whose traps of SNMPv3 it takes
	Users          []User // nil means UsualUsers
	Handled        bool   // it runs a handler for each notification, which AwaitHandled reads
	Config         string // further lines of snmptrapd.conf
	Modules        string // MIB modules, with colons between them, by whose names it prints OIDs and enumerations
}

// Snmptrapd is Net-SNMP's receiver of notifications. It takes them from the community "public" and from
// its users, and acknowledges informs.
type Snmptrapd struct {
	Process  *Process
	Address  string // 127.0.0.1 and the port
	Address6 string // [::1] and the same port; empty where there is no IPv6
	Dir      string

	path    string
	modules string
}

// StartSnmptrapd runs an snmptrapd and waits until it listens.
func StartSnmptrapd(t testing.TB, o SnmptrapdOptions) *Snmptrapd {
	t.Helper()
	s := &Snmptrapd{path: Require(t, "snmptrapd", "snmptrapd"), Dir: t.TempDir(), Address: o.Address, modules: o.Modules}
	if o.Address == "" {
		s.Address, s.Address6 = FreeUDPAddresses(t)
	}
	var c strings.Builder
	c.WriteString("snmpTrapdAddr udp:" + s.Address)
	if s.Address6 != "" {
		c.WriteString(",udp6:" + s.Address6)
	}
	// Each notification is a line: of SNMPv1 by print1, of the others by print2.
	output := "nte" // numbers
	if o.Modules != "" {
		output = "st" // names without their modules
	}
	c.WriteString("\ndoNotFork yes\noutputOption " + output + "\n" +
		`format print1 NTF v=%s src=%b user=%u agent=%a ent=%N gen=%w spec=%q ticks=%T vb=%V|~|%v\n` + "\n" +
		`format print2 NTF v=%s src=%b user=%u sec=%P vb=%V|~|%v\n` + "\n" +
		"authCommunity log,execute public\n")
	if o.Users == nil {
		o.Users = UsualUsers()
	}
	for _, u := range o.Users {
		fmt.Fprintf(&c, "authUser log,execute %s %s\n%s\n", u.Name, u.level(), u.createUser())
		if o.SenderEngineID != "" {
			c.WriteString(strings.Replace(u.createUser(), "createUser", "createUser -e 0x"+o.SenderEngineID, 1) + "\n")
		}
	}
	c.WriteString(o.Config + "\n")
	files := map[string]string{}
	if o.Handled {
		handler := filepath.Join(s.Dir, "handler.sh")
		fmt.Fprintf(&c, "traphandle default /bin/sh %s %s\n", handler, s.handled())
		files[handler], files[s.handled()] = `{ cat; echo; } >> "$1"`+"\n", ""
	}
	files[filepath.Join(s.Dir, "snmptrapd.conf")] = c.String()
	for file, text := range files {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Start(t)
	return s
}

// Start runs the receiver again after Stop or Kill, with what it remembered.
func (s *Snmptrapd) Start(t testing.TB) {
	t.Helper()
	// -f stays in the foreground, -n looks up no names, -X is no subagent.
	env := NetSNMPEnvironment(t, s.Dir)
	if s.modules != "" {
		env = append(env, "MIBS="+s.modules, "MIBDIRS="+filepath.Join(corpus.MIBs(t, corpus.Own(t, "mibs")), "rfc"))
	}
	s.Process = Start(t, env, s.path, "-f", "-n", "-X", "-Lo")
	s.Process.Await(t, func() bool { return strings.Contains(s.Process.Output(), "NET-SNMP version") })
}

// Wipe makes the stopped receiver forget its boots and its engine ID.
func (s *Snmptrapd) Wipe(t testing.TB) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(s.Dir, "var")); err != nil {
		t.Fatal(err)
	}
}

// Received are the notifications since the start, a line each, with numeric OIDs; what stands between
// the variable bindings is |~|.
func (s *Snmptrapd) Received() (lines []string) {
	for _, line := range s.Process.lines() {
		if line, ok := strings.CutPrefix(strings.TrimSpace(line), "NTF "); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

// AwaitReceived waits until n notifications have come since the start.
func (s *Snmptrapd) AwaitReceived(t testing.TB, n int) []string {
	t.Helper()
	s.Process.Await(t, func() bool { return len(s.Received()) >= n })
	return s.Received()
}

// AwaitHandled gives the notifications in the form of SNMPv2, into which snmptrapd brings all, a line for
// each variable binding, once there are n. It takes SnmptrapdOptions.Handled.
func (s *Snmptrapd) AwaitHandled(t testing.TB, n int) []string {
	t.Helper()
	var list []string
	s.Process.Await(t, func() bool {
		text, _ := os.ReadFile(s.handled())
		list = strings.SplitAfter(string(text), "\n\n")
		return len(list) > n
	})
	return list[:len(list)-1]
}

func (s *Snmptrapd) handled() string { return filepath.Join(s.Dir, "handled") }

// NetSNMPEngine gives options for one of Net-SNMP's commands that sends traps of SNMPv3 as an engine
// with those boots and that time.
func NetSNMPEngine(engineID []byte, boots, seconds int32) []string {
	return []string{"-e", fmt.Sprintf("0x%x", engineID), "-Z", fmt.Sprintf("%d,%d", boots, seconds)}
}
