package main

import (
	"cmp"
	"fmt"
	"net"
	"strings"
	"testing"

	"trapline/internal/peers"
)

// captured returns the datagram that snmptrap sends.
func captured(t *testing.T, options ...string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.84.4:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peers.NetSNMP(t, "snmptrap", append(options, conn.LocalAddr().String(), "", "1.3.6.1.6.3.1.1.5.1")...)
	b := make([]byte, 2000)
	n, _, err := conn.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// credentials are the options of snmptrap for a user, at an engine's time.
func credentials(u peers.User, engine []byte, boots, seconds int32) []string {
	args, level := append([]string{"-v3", "-u", u.Name}, peers.NetSNMPEngine(engine, boots, seconds)...), "noAuthNoPriv"
	if u.Auth != "" {
		level = "authNoPriv"
		args = append(args, "-a", strings.TrimSuffix(strings.Replace(u.Auth, "SHA", "SHA-", 1), "-"), "-A", peers.AuthPassphrase)
	}
	if u.Priv != "" {
		level = "authPriv"
		args = append(args, "-x", u.Priv, "-X", peers.PrivPassphrase)
	}
	return append(args, "-l", level)
}

// authOf returns the entry of auths of a user.
func authOf(u peers.User) string {
	text := fmt.Sprintf("  %s: {version: 3, username: %[1]s", u.Name)
	if u.Auth != "" {
		text += fmt.Sprintf(", auth_protocol: %s, password: %s", u.Auth, peers.AuthPassphrase)
	}
	if u.Priv != "" {
		text += fmt.Sprintf(", priv_protocol: %s, priv_password: %s", u.Priv, peers.PrivPassphrase)
	}
	level := map[bool]string{u.Auth != "": "authNoPriv", u.Priv != "": "authPriv"}[true]
	return text + ", security_level: " + cmp.Or(level, "noAuthNoPriv") + "}\n"
}

// The same datagrams go to snmptrapd and to a server with its users, of all protocols: both take the same ones, and refuse
// the others for the same reason.
func TestRefusalsAreThoseOfSnmptrapd(t *testing.T) {
	t.Parallel()
	engine, users := []byte("\x80\x00\x1f\x88\x04twenty"), peers.Users()
	trapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{
		SenderEngineID: fmt.Sprintf("%x", engine), Users: users, Config: "[snmp] doDebugging 1\n[snmp] debugTokens usm,snmptrapd",
	})
	address, _ := peers.FreeUDPAddresses(t)
	text, names := "auths:\n  public_v2: {community: public}\n", "public_v2"
	for _, u := range users {
		text += authOf(u)
		names += ", " + u.Name
	}
	process, base := startProcess(t, text+fmt.Sprintf("state_dir: %s\nlisten: {addresses: [%q], auths: [%s], allow: [127.0.84.0/24]}\n", t.TempDir(), address, names))
	step, taken := 0, 0
	send := func(options ...string) (from string) {
		t.Helper()
		step++
		datagram := captured(t, options...)
		from = fmt.Sprintf("127.0.84.%d", 10+step)
		sendFrom(t, "127.0.84.9:0", trapd.Address, datagram)
		sendFrom(t, from+":0", address, datagram)
		return from
	}
	accept := func(options ...string) {
		t.Helper()
		send(options...)
		taken++
		trapd.AwaitReceived(t, taken)
		await(t, base+"/metrics", fmt.Sprintf(`trapline_traps_total{target="",trap="coldStart"} %d`, taken))
	}
	for _, u := range users {
		accept(credentials(u, engine, 5, 5000)...)
	}
	secure, open := credentials(peers.User{Name: "usr-sha-aes", Auth: "SHA", Priv: "AES"}, engine, 5, 5000), credentials(peers.User{Name: "usr-sha-none", Auth: "SHA"}, engine, 5, 5000)
	with := func(more ...string) []string { return append(secure[:len(secure):len(secure)], more...) }
	accept(with("-n", "a context")...)
	for _, one := range []struct {
		options                 []string
		snmptrapd, reason, text string
	}{
		{with("-u", "nobody"), "usm: Unknown User(nobody)", "user", "unknown user name"},
		{with("-A", "another passphrase"), "Authentication failed for usr-sha-aes", "digest", "wrong digest"},
		{with("-a", "MD5"), "Authentication failed for usr-sha-aes", "digest", "wrong digest"},
		{with("-X", "another passphrase"), "error parsing ScopedPDU", "digest", "decryption error"},
		{with("-x", "DES"), "error parsing ScopedPDU", "digest", "decryption error"},
		{with("-l", "authNoPriv"), "Dropping unauthorized message", "level", "unsupported security level"},
		{with("-l", "noAuthNoPriv"), "Dropping unauthorized message", "level", "unsupported security level"},
		{append(open, "-l", "authPriv", "-x", "AES", "-X", peers.PrivPassphrase), "usm: Unsupported Security Level (3)", "level", "unsupported security level"},
		{with("-Z", "4,5000"), "usm: Remote boot count invalid", "window", "not in time window"},
		{with("-Z", "5,4000"), "usm: Message too old", "window", "not in time window"},
		{[]string{"-v2c", "-csecret"}, "Dropping unauthorized message", "community", ""},
	} {
		before := strings.Count(trapd.Process.Output(), one.snmptrapd)
		from := send(one.options...)
		trapd.Process.Await(t, func() bool { return strings.Count(trapd.Process.Output(), one.snmptrapd) > before })
		process.Await(t, func() bool { return strings.Contains(process.Output(), from+" ") })
		for line := range strings.Lines(process.Output()) {
			if strings.Contains(line, from+" ") && (!strings.Contains(line, "reason="+one.reason+" ") || !strings.Contains(line, one.text)) {
				t.Errorf("snmptrapd has %q for %v, the log has %s", one.snmptrapd, one.options, line)
			}
		}
	}
	if n := len(trapd.Received()); n != taken {
		t.Errorf("snmptrapd has taken %d, want %d", n, taken)
	}
	await(t, base+"/metrics", fmt.Sprintf(`trapline_traps_total{target="",trap="coldStart"} %d`, taken))
	// Of an unknown engine, snmptrapd says that it does not know the user, who has to be created for each. Here users are of all engines.
	before := strings.Count(trapd.Process.Output(), "usm: Unknown User(usr-sha-aes)")
	send(with("-e", "0x80001f880499999999")...)
	trapd.Process.Await(t, func() bool { return strings.Count(trapd.Process.Output(), "usm: Unknown User(usr-sha-aes)") > before })
	await(t, base+"/metrics", fmt.Sprintf(`trapline_traps_total{target="",trap="coldStart"} %d`, taken+1))
}
