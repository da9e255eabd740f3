package snmp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
)

func labUser(auth AuthProtocol, priv PrivProtocol) *User {
	u := &User{Name: "jo", Auth: auth, Priv: priv}
	if auth != NoAuth {
		u.AuthKey = Passphrase("authkey1xx")
	}
	if priv != NoPriv {
		u.PrivKey = Passphrase("privkey1xx")
	}
	return u
}

func localizeForLab(tb testing.TB, u *User) *Security {
	tb.Helper()
	s, err := u.Localize(unhex(labEngine))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// forEachUser runs f for each combination of protocols.
func forEachUser(t *testing.T, f func(t *testing.T, u *User)) {
	for _, u := range labUsers() {
		t.Run(fmt.Sprintf("%s/%s", u.Auth, u.Priv), func(t *testing.T) { f(t, u) })
	}
}

// labUsers returns users with each combination of authentication and privacy protocol.
func labUsers() (list []*User) {
	for auth := range authProtocols {
		for priv := range privProtocols {
			if auth != 0 || priv == 0 {
				list = append(list, labUser(AuthProtocol(auth), PrivProtocol(priv)))
			}
		}
	}
	return list
}

var labHeader = Header3{ID: 4711, MaxSize: 65507, Flags: FlagReportable, Boots: 7, Time: 123456}

func scopedResponse(list []byte) []byte {
	return AppendScopedPDU(nil, &ScopedPDU{
		ContextEngineID: unhex(labEngine), ContextName: []byte("vrf"),
		PDU: PDU{Type: Response, RequestID: 815, VarBinds: list},
	})
}

func TestSealedMessagesOpen(t *testing.T) {
	forEachUser(t, func(t *testing.T, u *User) {
		s := localizeForLab(t, u)
		for n := range 20 { // lengths across a block boundary of every cipher
			list := AppendVarBind(nil, VarBind{MustParseOID("1.3.6.1.2.1.1.5.0"), OctetString, bytes.Repeat([]byte("x"), n)})
			before := []byte("before")
			packet := s.Seal(before, &labHeader, scopedResponse(list))
			packet, ok := bytes.CutPrefix(packet, before)
			if !ok {
				t.Fatal("Seal does not append")
			}
			o, err := s.Open(append(packet, "behind"...))
			if err != nil {
				t.Fatal(err)
			}
			want := labHeader
			want.Flags, want.EngineID, want.UserName = u.Level()|FlagReportable, s.EngineID(), []byte("jo")
			if fmt.Sprint(o.Header3) != fmt.Sprint(want) || o.Authenticated != (u.Auth != NoAuth) {
				t.Errorf("%+v", o)
			}
			if o.Type != Response || o.RequestID != 815 || string(o.ContextName) != "vrf" ||
				!bytes.Equal(o.ContextEngineID, s.EngineID()) || !bytes.Equal(o.VarBinds, list) {
				t.Errorf("%+v", o)
			}
		}
	})
}

// The output of openssl enc -des-ede3-cbc for the octets 1 to 40, with the key and the
// initialization vector that the draft derives from a localized key and a salt.
func TestTripleDESAgainstOpenSSL(t *testing.T) {
	c, err := newTripleDES(unhex("db057d1100095686a127cfc677b4ad8ac54952c63a384aced5c2fb18ea08491b"))
	if err != nil {
		t.Fatal(err)
	}
	salt, sealed := unhex("00000007a1b2c3d4"), unhex("77c8a77bb10b605c09aeef2329d5705a98299593dc712f3b74b183f1430477857e7e55ff81681961")
	var plain []byte
	for i := range byte(40) {
		plain = append(plain, i+1)
	}
	data := bytes.Clone(plain)
	if c.encrypt(data, 0, 0, salt); !bytes.Equal(data, sealed) {
		t.Errorf("encrypted: %x, want %x", data, sealed)
	}
	if c.decrypt(data, 0, 0, salt); !bytes.Equal(data, plain) {
		t.Errorf("decrypted: %x, want %x", data, plain)
	}
}

func TestEveryBitCounts(t *testing.T) {
	forEachUser(t, func(t *testing.T, u *User) {
		if u.Auth == NoAuth {
			return
		}
		s := localizeForLab(t, u)
		sound := s.Seal(nil, &labHeader, scopedResponse(nil))
		for i := range sound {
			for bit := range 8 {
				packet := slices.Clone(sound)
				packet[i] ^= 1 << bit
				if _, err := s.Open(packet); err == nil {
					t.Fatalf("bit %d of octet %d was changed", bit, i)
				}
			}
			if _, err := s.Open(slices.Clone(sound[:i])); err == nil {
				t.Fatalf("%d octets of %d were enough", i, len(sound))
			}
		}
	})
}

func TestWhatOpenRejects(t *testing.T) {
	user := labUser(SHA256, AES)
	s := localizeForLab(t, user)
	stranger := *user
	stranger.Name = "joe"
	wrongAuth, wrongPriv := *user, *user
	wrongAuth.AuthKey = Passphrase("authkey2xx")
	wrongPriv.PrivKey = Passphrase("privkey2xx")
	elsewhere, err := user.Localize([]byte("another engine"))
	if err != nil {
		t.Fatal(err)
	}
	scoped := scopedResponse(interfaceRows(3))
	// with returns a sealed packet modified by f without updating the digest.
	with := func(f func(m *Message3)) []byte {
		m, err := ParseMessage3(s.Seal(nil, &labHeader, scoped))
		if err != nil {
			t.Fatal(err)
		}
		f(&m)
		return AppendMessage3(nil, &m)
	}
	for _, c := range []struct {
		name   string
		packet []byte
		want   error
	}{
		{"another digest", with(func(m *Message3) { m.AuthParams[0] ^= 1 }), WrongDigest},
		{"another salt", with(func(m *Message3) { m.PrivParams[7] ^= 1 }), WrongDigest},
		{"another time", with(func(m *Message3) { m.Time++ }), WrongDigest},
		{"no digest", with(func(m *Message3) { m.AuthParams = nil }), WrongDigest},
		{"a short digest", with(func(m *Message3) { m.AuthParams = m.AuthParams[:23] }), WrongDigest},
		{"a long digest", with(func(m *Message3) { m.AuthParams = make([]byte, 32) }), WrongDigest},
		{"another user", localizeForLab(t, &stranger).Seal(nil, &labHeader, scoped), UnknownUserName},
		{"another engine", elsewhere.Seal(nil, &labHeader, scoped), UnknownEngineID},
		{"another passphrase of authentication", localizeForLab(t, &wrongAuth).Seal(nil, &labHeader, scoped), WrongDigest},
		{"another protocol of authentication", localizeForLab(t, labUser(SHA, AES)).Seal(nil, &labHeader, scoped), WrongDigest},
		{"another passphrase of privacy", localizeForLab(t, &wrongPriv).Seal(nil, &labHeader, scoped), DecryptionError},
		{"another protocol of privacy", localizeForLab(t, labUser(SHA256, AES256)).Seal(nil, &labHeader, scoped), DecryptionError},
		{"not encrypted", localizeForLab(t, labUser(SHA256, NoPriv)).Seal(nil, &labHeader, scoped), UnsupportedSecurityLevel},
		{"not signed", localizeForLab(t, labUser(NoAuth, NoPriv)).Seal(nil, &labHeader, scoped), UnsupportedSecurityLevel},
		{"encrypted but not signed", with(func(m *Message3) { m.Flags &^= FlagAuth }), errFlags},
	} {
		if o, err := s.Open(c.packet); !errors.Is(err, c.want) || o.VarBinds != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestOpenWithoutKeys(t *testing.T) {
	s := localizeForLab(t, labUser(NoAuth, NoPriv))
	elsewhere, _ := labUser(NoAuth, NoPriv).Localize([]byte("another engine"))
	stranger, _ := (&User{Name: "joe"}).Localize(s.EngineID())
	scoped := scopedResponse(nil)
	for _, c := range []struct {
		name   string
		packet []byte
		want   error
	}{
		{"sound", s.Seal(nil, &labHeader, scoped), nil},
		{"another engine", elsewhere.Seal(nil, &labHeader, scoped), UnknownEngineID},
		{"another user", stranger.Seal(nil, &labHeader, scoped), UnknownUserName},
		{"signed", localizeForLab(t, labUser(SHA, NoPriv)).Seal(nil, &labHeader, scoped), UnsupportedSecurityLevel},
		{"encrypted", localizeForLab(t, labUser(SHA, AES)).Seal(nil, &labHeader, scoped), UnsupportedSecurityLevel},
	} {
		if o, err := s.Open(c.packet); !errors.Is(err, c.want) || o.Authenticated {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// signedWith returns packet modified by f, with the digest recomputed.
func signedWith(s *Security, packet []byte, f func(m *Message3)) []byte {
	m, _ := ParseMessage3(packet)
	f(&m)
	clear(m.AuthParams)
	out := AppendMessage3(nil, &m)
	signed, _ := ParseMessage3(out)
	copy(signed.AuthParams, s.mac.of(out))
	return out
}

func TestSignedRubbish(t *testing.T) {
	for _, priv := range []PrivProtocol{DES, AES} {
		s := localizeForLab(t, labUser(SHA, priv))
		for name, f := range map[string]func(m *Message3){
			"no salt":       func(m *Message3) { m.PrivParams = nil },
			"a short salt":  func(m *Message3) { m.PrivParams = m.PrivParams[1:] },
			"no data":       func(m *Message3) { m.Data = nil },
			"a lone octet":  func(m *Message3) { m.Data = m.Data[:1] },
			"another salt":  func(m *Message3) { m.PrivParams[0] ^= 1 },
			"half the data": func(m *Message3) { m.Data = m.Data[:len(m.Data)/16*8] },
		} {
			packet := signedWith(s, s.Seal(nil, &labHeader, scopedResponse(nil)), f)
			if _, err := s.Open(packet); !errors.Is(err, DecryptionError) {
				t.Errorf("%s with %s: %v", priv, name, err)
			}
		}
	}
}

func reportOf(kind ReportKind) []byte {
	list := AppendVarBind(nil, VarBind{kind.OID(), Counter32, []byte{1}})
	return AppendScopedPDU(nil, &ScopedPDU{PDU: PDU{Type: Report, VarBinds: list}})
}

func TestReportsSayWhetherTheyAreSigned(t *testing.T) {
	s := localizeForLab(t, labUser(SHA, AES))
	agent, _ := (&User{}).Localize([]byte("an engine not known yet"))
	for _, c := range []struct {
		name   string
		sender *Security
		kind   ReportKind
		signed bool
	}{
		{"of an engine that is discovered", agent, UnknownEngineID, false},
		{"of an engine whose clock differs", localizeForLab(t, labUser(SHA, NoPriv)), NotInTimeWindow, true},
		{"with privacy", s, NotInTimeWindow, true},
	} {
		packet := c.sender.Seal(nil, &Header3{ID: 3, Boots: 7, Time: 9}, reportOf(c.kind))
		o, err := s.Open(packet)
		if err != nil || o.PDU.Report() != c.kind || o.Authenticated != c.signed || !bytes.Equal(o.EngineID, c.sender.EngineID()) {
			t.Errorf("report %s: %v %+v", c.name, err, o)
		}
	}
}

func TestReportKinds(t *testing.T) {
	for k := range reportKinds {
		kind := ReportKind(k)
		if got := ReportKindOf(kind.OID()); got != kind {
			t.Errorf("%s: %s is %s", kind.OID(), kind, got)
		}
	}
	for name, want := range map[string]ReportKind{
		"1.3.6.1.6.3.15.1.1.5": WrongDigest, "1.3.6.1.6.3.15.1.1.5.0": WrongDigest,
		"1.3.6.1.6.3.15.1.1.7.0": UnknownReport, "1.3.6.1.6.3.15.1.1.50.0": UnknownReport, "1.3": UnknownReport,
	} {
		if got := ReportKindOf(MustParseOID(name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if (&PDU{Type: Report}).Report() != UnknownReport || ReportKind(200).Error() == "" || ReportKind(200).OID() != nil {
		t.Error("a report that says nothing")
	}
}

func TestSaltsDoNotRepeat(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range []*Security{
		localizeForLab(t, labUser(SHA, AES)), localizeForLab(t, labUser(SHA, AES)), localizeForLab(t, labUser(MD5, DES)),
	} {
		for range 1000 {
			m, err := ParseMessage3(s.Seal(nil, &labHeader, scopedResponse(nil)))
			if err != nil || seen[string(m.PrivParams)] {
				t.Fatalf("salt % x, %v", m.PrivParams, err)
			}
			seen[string(m.PrivParams)] = true
		}
	}
}

func TestSealAndOpenDoNotAllocate(t *testing.T) {
	forEachUser(t, func(t *testing.T, u *User) {
		s := localizeForLab(t, u)
		scoped := scopedResponse(interfaceRows(25))
		packet := make([]byte, 0, 2000)
		n := testing.AllocsPerRun(100, func() {
			packet = s.Seal(packet[:0], &labHeader, scoped)
			if _, err := s.Open(packet); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func FuzzOpen(f *testing.F) {
	users := []*Security{
		localizeForLab(f, labUser(NoAuth, NoPriv)), localizeForLab(f, labUser(SHA512, NoPriv)),
		localizeForLab(f, labUser(MD5, DES)), localizeForLab(f, labUser(SHA256, AES256)),
	}
	for _, s := range users {
		f.Add(s.Seal(nil, &labHeader, scopedResponse(interfaceRows(2)))) // a response
		f.Add(s.Seal(nil, &Header3{ID: 1}, reportOf(NotInTimeWindow)))   // a report
		f.Add(s.Seal(nil, &labHeader, nil))                              // signed, but empty
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		salts.Store(0) // the fuzzer requires deterministic output
		for _, s := range users {
			checkOpened(t, s, slices.Clone(packet))
			// A broken agent can sign and encrypt arbitrary octets.
			checkOpened(t, s, s.Seal(nil, &labHeader, packet))
			m, err := ParseMessage3(packet)
			if err != nil || s.level == 0 {
				continue
			}
			m.EngineID, m.UserName, m.AuthParams = s.engineID, s.userName, make([]byte, s.digest)
			checkOpened(t, s, signedWith(s, AppendMessage3(nil, &m), func(*Message3) {}))
		}
	})
}

// checkOpened checks the guarantees of Open for an accepted message.
func checkOpened(t *testing.T, s *Security, packet []byte) {
	o, err := s.Open(packet)
	if err != nil {
		return
	}
	if o.Type != Report && o.Flags.Level() != s.level {
		t.Errorf("level %d passed for %d", o.Flags.Level(), s.level)
	}
	_, _ = readAll(o.VarBinds)
	o.PDU.Report()
	again := s.Seal(nil, &o.Header3, AppendScopedPDU(nil, &o.ScopedPDU))
	if second, err := s.Open(again); err != nil || !bytes.Equal(second.VarBinds, o.VarBinds) {
		t.Errorf("sealed again it gives %v", err)
	}
}
