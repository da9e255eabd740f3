package peers

import (
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Pyrecv is a receiver of notifications that is made of PySNMP. It takes them from the community "public"
// and from UsualUsers and TripleDESUser, and acknowledges informs.
type Pyrecv struct {
	Process *Process
	Address string // 127.0.0.1 and the port
}

// PyNotification is what PySNMP understood. Notifications of SNMPv1 come in the form of SNMPv2.
type PyNotification struct {
	Level           int         `json:"level"` // 1 noAuthNoPriv, 2 authNoPriv, 3 authPriv
	Name            string      `json:"name"`
	PDU             string      `json:"pdu"`
	ContextEngineID string      `json:"contextEngineId"` // hexadecimal digits with 0x in front
	ContextName     string      `json:"contextName"`
	VarBinds        [][3]string `json:"varbinds"` // OID, type and value
}

// TripleDESUser is a user whose privacy Net-SNMP knows nothing of.
var TripleDESUser = User{"usr-sha-3des", "SHA", "3DES"}

//go:embed pyrecv.py
var pyrecvScript string

const debianPython = "/usr/bin/python3"

// requireModule is Require for a package of debianPython.
func requireModule(t testing.TB, module, debianPackage string) {
	t.Helper()
	if exec.Command(debianPython, "-c", "import "+module).Run() != nil {
		Require(t, "python3 with "+module, debianPackage)
	}
}

// StartPyrecv runs a receiver that takes traps of SNMPv3 from that engine, in hex digits, and waits until
// it listens.
func StartPyrecv(t testing.TB, senderEngineID string) *Pyrecv {
	t.Helper()
	requireModule(t, "pysnmp", "python3-pysnmp4")
	script := filepath.Join(t.TempDir(), "pyrecv.py")
	if err := os.WriteFile(script, []byte(pyrecvScript), 0o600); err != nil {
		t.Fatal(err)
	}
	address, _ := FreeUDPAddresses(t)
	args := []string{script, address[strings.LastIndex(address, ":")+1:], senderEngineID, AuthPassphrase, PrivPassphrase}
	for _, u := range append(UsualUsers(), TripleDESUser) {
		args = append(args, u.Name+","+u.Auth+","+u.Priv)
	}
	r := &Pyrecv{Address: address}
	// The package is Debian's python3's, whatever other comes first in PATH.
	r.Process = Start(t, []string{"TMPDIR=" + t.TempDir()}, debianPython, args...)
	r.Process.Await(t, func() bool { return strings.Contains(r.Process.Output(), `"ready"`) })
	return r
}

// AwaitReceived waits until n notifications have come.
func (r *Pyrecv) AwaitReceived(t testing.TB, n int) (list []PyNotification) {
	t.Helper()
	r.Process.Await(t, func() bool {
		list = nil
		for _, line := range r.Process.lines() {
			var p PyNotification
			if json.Unmarshal([]byte(line), &p) == nil && p.PDU != "" {
				list = append(list, p)
			}
		}
		return len(list) >= n
	})
	return list
}
