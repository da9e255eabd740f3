package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/corpus"
)

// SnmptrapdOptions are the options of an snmptrapd.
type SnmptrapdOptions struct {
	Address        string // 127.0.0.1 and a port; if empty, a free one
	SenderEngineID string // hex digits: accept SNMPv3 traps of this engine
	Users          []User // nil means UsualUsers
	Handled        bool   // run a handler for each notification, for AwaitHandled
	Config         string // further lines of snmptrapd.conf
	Modules        string // MIB modules, separated by colons, for the names of OIDs and enumerations
}

// Snmptrapd is Net-SNMP's notification receiver. It accepts the community "public" and its users,
// and acknowledges informs.
type Snmptrapd struct {
	Process  *Process
	Address  string // 127.0.0.1 and the port
	Address6 string // [::1] and the same port; empty without IPv6
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
	// Each notification is a line: print1 formats those of SNMPv1, print2 the others.
	output := "nte" // numbers
	if o.Modules != "" {
		output = "st" // names without modules
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

// Start restarts the receiver after Stop or Kill with its persistent state.
func (s *Snmptrapd) Start(t testing.TB) {
	t.Helper()
	// -f stays in the foreground, -n disables name lookups, -X disables the subagent.
	env := NetSNMPEnvironment(t, s.Dir)
	if s.modules != "" {
		env = append(env, "MIBS="+s.modules, "MIBDIRS="+filepath.Join(corpus.MIBs(t, corpus.Own(t, "mibs")), "rfc"))
	}
	s.Process = Start(t, env, s.path, "-f", "-n", "-X", "-Lo")
	s.Process.Await(t, func() bool { return strings.Contains(s.Process.Output(), "NET-SNMP version") })
}

// Wipe deletes the boots and the engine ID of the stopped receiver.
func (s *Snmptrapd) Wipe(t testing.TB) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(s.Dir, "var")); err != nil {
		t.Fatal(err)
	}
}

// Received returns the notifications since the start, one per line, with numeric OIDs; the variable
// bindings are separated by |~|.
func (s *Snmptrapd) Received() (lines []string) {
	for _, line := range s.Process.lines() {
		if line, ok := strings.CutPrefix(strings.TrimSpace(line), "NTF "); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

// AwaitReceived waits until n notifications have been received since the start.
func (s *Snmptrapd) AwaitReceived(t testing.TB, n int) []string {
	t.Helper()
	s.Process.Await(t, func() bool { return len(s.Received()) >= n })
	return s.Received()
}

// AwaitHandled waits for n notifications and returns them in the form of SNMPv2, to which snmptrapd
// converts all, with one line per variable binding. It requires SnmptrapdOptions.Handled.
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

// NetSNMPEngine returns options that make one of Net-SNMP's commands send SNMPv3 traps with the
// given engine ID, boots and time.
func NetSNMPEngine(engineID []byte, boots, seconds int32) []string {
	return []string{"-e", fmt.Sprintf("0x%x", engineID), "-Z", fmt.Sprintf("%d,%d", boots, seconds)}
}
