package bars

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"trapline/internal/peers"
)

const (
	snmptrapdPort = 16163
	trapUser      = "traps"
)

// startSnmptrapd has Net-SNMP's receiver note informs of SNMPv2c in one book, and traps of SNMPv3 from these engines in another. It calls SNMPv2c version 1.
func startSnmptrapd(t *testing.T, engines []string) (informs, traps *book) {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "snmpTrapdAddr udp:%s:%d\ndoNotFork yes\noutputOption nteq\nformat print2 NTF v=%%s src=%%b vb=%%V|~|%%v\\n\n", hub, snmptrapdPort)
	text.WriteString("authCommunity log public\nauthUser log " + trapUser + " priv\n")
	for _, id := range engines {
		fmt.Fprintf(&text, "createUser -e 0x%s %s SHA %s AES %s\n", id, trapUser, peers.AuthPassphrase, peers.PrivPassphrase)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "snmptrapd.conf"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(peers.Require(t, "snmptrapd", "snmptrapd"), "-f", "-n", "-X", "-Lo")
	c.Env = peers.NetSNMPEnvironment(t, dir)
	lines, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	informs, traps = newBook(), newBook()
	go func() {
		defer close(ended)
		for s := bufio.NewScanner(lines); s.Scan(); {
			switch line := s.Text(); {
			case strings.Contains(line, "NET-SNMP version"):
				close(ready)
			case strings.HasPrefix(line, "NTF v=1 "):
				informs.receiveLine(time.Now(), line)
			case strings.HasPrefix(line, "NTF v=3 "):
				traps.receiveLine(time.Now(), line)
			}
		}
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-ended
		_ = c.Wait()
	})
	select {
	case <-ready:
	case <-time.After(time.Minute):
		t.Fatal("snmptrapd does not begin")
	}
	return informs, traps
}

var sourceOfLine = regexp.MustCompile(` src=UDP: \[([0-9.]+)\]`)

// receiveLine keeps a notification as snmptrapd has printed it.
func (b *book) receiveLine(at time.Time, line string) {
	_, text, _ := strings.Cut(line, " vb=")
	source, list := sourceOfLine.FindStringSubmatch(line), strings.Split(text, "|~|")
	if source == nil || len(list) <= atValue {
		b.odd("snmptrapd: %s", line)
		return
	}
	from, err := netip.ParseAddr(source[1])
	if err != nil {
		b.odd("snmptrapd: %v", err)
		return
	}
	value := func(i int) string {
		_, text, _ := strings.Cut(list[i], " ")
		return strings.Trim(text, `"`)
	}
	kind := value(atKind)
	b.note(at, memberOf(from), value(atEvent), strings.HasSuffix(kind, ".1"), value(atRule), value(atTarget), value(atValue))
}
