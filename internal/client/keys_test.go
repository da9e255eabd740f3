package client_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/peers"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

var bothEngines = []string{"", access.Gosnmp}

// keyed is the user with other keys than passphrases.
func keyed(u peers.User, change func(*access.Auth)) *access.Auth {
	a := authOf(u)
	a.Password, a.PrivPassword = "", ""
	change(a)
	return a
}

// The localized keys that snmpd keeps are as good as the passphrases, and its engine ID is not asked for.
func TestPeersLocalizedKeys(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	for _, u := range peers.UsualUsers()[2:] {
		id, auth, priv := snmpd.Keys(t, u.Name)
		a := keyed(u, func(a *access.Auth) {
			a.EngineID, a.LocalizedKey, a.PrivLocalizedKey = id, setting.Secret(auth), setting.Secret(priv)
		})
		for _, name := range bothEngines {
			r := poll(t, target(t, client.Spec{Engine: name, Address: snmpd.Address, Auth: a}), getName)
			r.wantName(t, "snmpd-test")
			if r.stats.Packets != 2 { // the first resynchronizes the clock
				t.Errorf("%s %s: %d packets", u.Name, name, r.stats.Packets)
			}
		}
	}
}

// With the wildcard in the place of an engine ID, the device is asked, as PySNMP does; and again when it has
// become another.
func TestPeersLocalizedKeysOfTheWildcard(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	u := peers.UsualUsers()[3]
	id, auth, priv := snmpd.Keys(t, u.Name)
	for _, wildcard := range []string{access.WildcardEngineID, "00:00:00:00:00"} {
		a := keyed(u, func(a *access.Auth) {
			a.EngineID, a.LocalizedKey, a.PrivLocalizedKey = wildcard, setting.Secret(auth), setting.Secret(priv)
		})
		if m := a.Problems(); len(m) > 0 {
			t.Errorf("%s: %v", wildcard, m)
		}
		for _, name := range bothEngines {
			poll(t, target(t, client.Spec{Engine: name, Address: snmpd.Address, Auth: a}), getName).wantName(t, "snmpd-test")
		}
		if p, err := a.Principal(); err != nil || len(p.EngineID) > 0 {
			t.Errorf("%s is taken for the engine ID %x, %v; it is %s", wildcard, p.EngineID, err, id)
		}
	}
	bare := keyed(u, func(a *access.Auth) { a.LocalizedKey, a.PrivLocalizedKey = setting.Secret(auth), setting.Secret(priv) })
	const want = `localized_key fits one device alone: set its engine_id too, or engine_id: "0x0000000000" to have the device asked`
	if m := bare.Problems(); len(m) == 0 || m[0].Text != want {
		t.Errorf("%v, want %s", m, want)
	}
}

// 3DES is for UDP and our own engine.
func TestTripleDESWithGosnmp(t *testing.T) {
	a := authOf(peers.TripleDESUser)
	for _, s := range []client.Spec{{Address: "127.0.0.1:9", Auth: a, Engine: access.Gosnmp}, {Address: "tcp:127.0.0.1:9", Auth: a}} {
		e := newEngine(t)
		if _, err := e.Target(s); err == nil || !strings.Contains(err.Error(), "3DES is for UDP and Trapline's own engine") {
			t.Errorf("%+v: %v", s, err)
		}
	}
	a.Engine = access.Gosnmp
	if m := a.Problems(); len(m) != 1 || m[0].Path != "priv_protocol" {
		t.Errorf("problems %v", m)
	}
}

func TestPeersMasterKeys(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	for _, u := range peers.UsualUsers()[2:] {
		protocol, err := snmp.ParseAuthProtocol(u.Auth)
		if err != nil {
			t.Fatal(err)
		}
		ku := hex.EncodeToString(snmp.Passphrase(peers.AuthPassphrase).Master(protocol))
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(hex.EncodeToString(snmp.Passphrase(peers.PrivPassphrase).Master(protocol))+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		a := keyed(u, func(a *access.Auth) { a.MasterKey, a.PrivMasterKeyFile = setting.Secret(ku), file })
		for _, name := range bothEngines {
			poll(t, target(t, client.Spec{Engine: name, Address: snmpd.Address, Auth: a}), getName).wantName(t, "snmpd-test")
		}
	}
}

func TestPeersKeyFileThatIsNoKey(t *testing.T) {
	file := shortFile(t)
	a := keyed(shaAES, func(a *access.Auth) { a.MasterKeyFile, a.PrivPassword = file, peers.PrivPassphrase })
	for _, name := range bothEngines {
		r := poll(t, target(t, client.Spec{Engine: name, Address: "127.0.0.1:9", Auth: a}), getName)
		r.wantErrors(t, "connect credentials")
		if want := file + " has something else than two hexadecimal digits for each octet"; r.err == nil || !strings.HasSuffix(r.err.Error(), want) {
			t.Errorf("%v, want %s", r.err, want)
		}
	}
}

// At all levels, the first datagram has the engine ID that was set.
func TestFixedEngineIDIsNotDiscovered(t *testing.T) {
	for _, u := range []peers.User{{Name: "usr-none-none"}, {Name: "usr-sha-none", Auth: "SHA"}, shaAES} {
		for _, name := range bothEngines {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			a := authOf(u)
			a.EngineID = labEngine
			r := poll(t, target(t, client.Spec{Engine: name, Address: conn.LocalAddr().String(), Auth: a}), briefly)
			r.wantErrors(t, "get timeout")
			if r.stats.Packets != 4 { // two attempts, a probe and a discovery, as to whether it is there
				t.Errorf("%s %s: %d packets", u.Name, name, r.stats.Packets)
			}
			b := make([]byte, 2000)
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			n, err := conn.Read(b)
			conn.Close()
			if err != nil {
				t.Fatal(err)
			}
			m, err := snmp.ParseMessage3(b[:n])
			if id, _ := hex.DecodeString(labEngine); err != nil || !bytes.Equal(m.EngineID, id) || string(m.UserName) != u.Name {
				t.Errorf("%s %s: %+v, %v", u.Name, name, m, err)
			}
		}
	}
}

// A device with another engine ID keeps silent or says so, and so does the error.
func TestPeersWrongEngineID(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{EngineID: labEngine})
	for _, u := range []peers.User{{Name: "usr-none-none"}, shaAES} {
		a := authOf(u)
		a.EngineID = "0x8000000001020304"
		for _, name := range bothEngines {
			x := target(t, client.Spec{Engine: name, Address: snmpd.Address, Auth: a})
			for range 2 { // it is not discovered later either
				r := poll(t, x, briefly)
				if len(r.errors) != 1 || !strings.HasSuffix(r.err.Error(), ": is 8000000001020304 the device's engine ID?") {
					t.Errorf("%s %s: %v", u.Name, name, r.err)
				}
			}
		}
	}
}

// A fixed engine whose boots go up, or back, is followed all the same.
func TestPeersFixedEngineComesBack(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{EngineID: labEngine})
	a := authOf(shaAES)
	a.EngineID = labEngine
	x := target(t, client.Spec{Address: snmpd.Address, Auth: a})
	poll(t, x, getName).wantName(t, "snmpd-test")
	for _, wiped := range []bool{false, true} {
		snmpd.Process.Stop()
		if wiped {
			snmpd.Wipe(t)
		}
		snmpd.Start(t)
		poll(t, x, getName).wantName(t, "snmpd-test")
	}
}

func TestPeersDiscover(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{EngineID: labEngine})
	snmpd.Process.Stop()
	snmpd.Start(t)
	for _, address := range []string{snmpd.Address, snmpd.Address6} {
		if address == "" {
			continue
		}
		d, err := target(t, client.Spec{Address: address}).Discover(t.Context(), getName.Params)
		if err != nil || hex.EncodeToString(d.EngineID) != labEngine || d.Boots != 2 || d.Time < 0 {
			t.Errorf("%x, boots %d, time %d, %v", d.EngineID, d.Boots, d.Time, err)
		}
	}
	snmpd.Process.Stop()
	_, err := target(t, client.Spec{Address: snmpd.Address}).Discover(t.Context(), getName.Params)
	if want := "error discovering target " + snmpd.Address + ": "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
