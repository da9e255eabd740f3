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

// Pyrecv is a notification receiver built with PySNMP. It accepts the community "public",
// UsualUsers and TripleDESUser, and acknowledges informs.
type Pyrecv struct {
	Process *Process
	Address string // 127.0.0.1 and the port
}

// PyNotification is a notification as decoded by PySNMP, which converts those of SNMPv1 to SNMPv2.
type PyNotification struct {
	Level           int         `json:"level"` // 1 noAuthNoPriv, 2 authNoPriv, 3 authPriv
	Name            string      `json:"name"`
	PDU             string      `json:"pdu"`
	ContextEngineID string      `json:"contextEngineId"` // hexadecimal digits with the prefix 0x
	ContextName     string      `json:"contextName"`
	VarBinds        [][3]string `json:"varbinds"` // OID, type and value
}

// TripleDESUser is a user with 3DES, which Net-SNMP does not support.
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

// StartPyrecv runs a receiver that accepts SNMPv3 traps of the given engine ID, in hex digits, and
// waits until it listens.
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
	// The package is installed for Debian's python3, which may not be first in PATH.
	r.Process = Start(t, []string{"TMPDIR=" + t.TempDir()}, debianPython, args...)
	r.Process.Await(t, func() bool { return strings.Contains(r.Process.Output(), `"ready"`) })
	return r
}

// AwaitReceived waits until n notifications have been received.
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
