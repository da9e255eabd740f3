package peers

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Snmpsimd is snmpsim's agent. It serves recordings; the name of each is its community and its
// SNMPv3 context.
type Snmpsimd struct {
	Process   *Process
	Addresses [3]string // 127.0.0.1, 127.0.0.2 and 127.0.0.3, with the same port
	Address6  string    // [::1] and the same port; empty without IPv6
}

// SnmpsimUsers returns the SNMPv3 users of every Snmpsimd. Ciphers other than DES and AES occur
// with both key extensions.
func SnmpsimUsers() []User {
	return []User{
		{"usr-none-none", "", ""},
		{"usr-md5-none", "MD5", ""},
		{"usr-md5-des", "MD5", "DES"},
		{"usr-sha-none", "SHA", ""},
		{"usr-sha-aes", "SHA", "AES"},
		{"usr-sha224-aes192", "SHA224", "AES192"},
		{"usr-sha512-aes256", "SHA512", "AES256"},
		{"usr-sha-aes256", "SHA", "AES256"},
		{"usr-sha-aes256c", "SHA", "AES256C"},
		{"usr-md5-3des", "MD5", "3DES"},
		{"usr-sha-3des", "SHA", "3DES"},
		{"usr-sha384-3des", "SHA384", "3DES"},
	}
}

// snmpsimPriv maps ciphers to snmpsim's names: AES256 is its name with BLMT, for Blumenthal.
var snmpsimPriv = map[string]string{
	"DES": "DES", "AES": "AES", "AES192": "AES192BLMT", "AES192C": "AES192", "AES256": "AES256BLMT", "AES256C": "AES256", "3DES": "3DES",
}

// StartSnmpsimd runs an snmpsimd with recordings in the snmprec format, by name, and waits until it
// responds. It has a single thread: a slow agent requires an Snmpsimd of its own.
func StartSnmpsimd(t testing.TB, recordings map[string]string) *Snmpsimd {
	t.Helper()
	path := Require(t, "snmpsimd", "snmpsim")
	s := &Snmpsimd{}
	first, v6 := FreeUDPAddresses(t)
	_, port, _ := net.SplitHostPort(first)
	var args []string
	for i := range s.Addresses {
		s.Addresses[i] = net.JoinHostPort("127.0.0."+strconv.Itoa(i+1), port)
		args = append(args, "--agent-udpv4-endpoint="+s.Addresses[i])
	}
	if s.Address6 = v6; v6 != "" {
		args = append(args, "--agent-udpv6-endpoint="+v6)
	}
	endpoints := len(args)
	dir := snmpsimDir(t, recordings)
	args = append(args, "--data-dir="+filepath.Join(dir, "data"), "--cache-dir="+filepath.Join(dir, "cache"),
		"--variation-modules-dir=/usr/share/snmpsim/variation", "--logging-method=stderr")
	for _, u := range SnmpsimUsers() {
		args = append(args, u.snmpsim()...)
	}
	if os.Getuid() == 0 { // it insists on dropping root
		args = append(args, "--process-user=nobody", "--process-group=nogroup")
	}
	s.Process = Start(t, []string{"TMPDIR=" + filepath.Join(dir, "tmp")}, path, args...)
	s.Process.Await(t, func() bool { return strings.Count(s.Process.Output(), "Listening at") >= endpoints })
	return s
}

func (u User) snmpsim() []string {
	args := []string{"--v3-user=" + u.Name}
	if u.Auth != "" {
		args = append(args, "--v3-auth-key="+AuthPassphrase, "--v3-auth-proto="+u.Auth)
	}
	if u.Priv != "" {
		args = append(args, "--v3-priv-key="+PrivPassphrase, "--v3-priv-proto="+snmpsimPriv[u.Priv])
	}
	return args
}

// snmpsimDir writes the recordings to a directory where an unprivileged process can read and index
// them.
func snmpsimDir(t testing.TB, recordings map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.Chmod(filepath.Dir(dir), 0o755)) // testing creates it for the owner only
	for name, mode := range map[string]os.FileMode{"data": 0o755, "cache": 0o777, "tmp": 0o777} {
		check(os.Mkdir(filepath.Join(dir, name), 0o755))
		check(os.Chmod(filepath.Join(dir, name), mode))
	}
	for name, recording := range recordings {
		check(os.WriteFile(filepath.Join(dir, "data", name+".snmprec"), []byte(recording), 0o644))
	}
	return dir
}
