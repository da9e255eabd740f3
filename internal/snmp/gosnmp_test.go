package snmp

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
)

// gosnmp's names of the protocols. It supports both key extensions and is an independent
// implementation of the same RFCs.
var (
	gosnmpAuth = [...]gosnmp.SnmpV3AuthProtocol{
		NoAuth: gosnmp.NoAuth, MD5: gosnmp.MD5, SHA: gosnmp.SHA, SHA224: gosnmp.SHA224, SHA256: gosnmp.SHA256,
		SHA384: gosnmp.SHA384, SHA512: gosnmp.SHA512,
	}
	gosnmpPriv = [...]gosnmp.SnmpV3PrivProtocol{
		NoPriv: gosnmp.NoPriv, DES: gosnmp.DES, AES: gosnmp.AES, AES192: gosnmp.AES192, AES256: gosnmp.AES256,
		AES192C: gosnmp.AES192C, AES256C: gosnmp.AES256C,
	}
)

// gosnmpUsers returns the lab's users whose protocols gosnmp supports: all but 3DES.
func gosnmpUsers() []*User {
	return slices.DeleteFunc(labUsers(), func(u *User) bool { return u.Priv == TripleDES })
}

func forEachGosnmpUser(t *testing.T, f func(t *testing.T, u *User)) {
	for _, u := range gosnmpUsers() {
		t.Run(fmt.Sprintf("%s/%s", u.Auth, u.Priv), func(t *testing.T) { f(t, u) })
	}
}

// gosnmpFor returns a gosnmp client for u and the lab's engine.
func gosnmpFor(tb testing.TB, u *User) *gosnmp.GoSNMP {
	tb.Helper()
	engine := string(unhex(labEngine))
	usm := &gosnmp.UsmSecurityParameters{
		UserName: u.Name, AuthoritativeEngineID: engine,
		AuthoritativeEngineBoots: uint32(labHeader.Boots), AuthoritativeEngineTime: uint32(labHeader.Time),
		AuthenticationProtocol: gosnmpAuth[u.Auth], PrivacyProtocol: gosnmpPriv[u.Priv],
	}
	if u.Auth != NoAuth {
		usm.AuthenticationPassphrase = "authkey1xx"
	}
	if u.Priv != NoPriv {
		usm.PrivacyPassphrase = "privkey1xx"
	}
	x := &gosnmp.GoSNMP{
		Version: gosnmp.Version3, SecurityModel: gosnmp.UserSecurityModel, SecurityParameters: usm,
		MsgFlags: gosnmp.SnmpV3MsgFlags(u.Level()), ContextEngineID: engine, ContextName: "vrf",
	}
	if err := usm.InitSecurityKeys(); err != nil {
		tb.Fatal(err)
	}
	return x
}

// unmarshal decodes a packet with gosnmp, which may panic on malformed packets.
func unmarshal(x *gosnmp.GoSNMP, packet []byte) (p *gosnmp.SnmpPacket, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gosnmp: %v", r)
		}
	}()
	return x.UnmarshalTrap(packet, false)
}

func encode(x *gosnmp.GoSNMP, variables []gosnmp.SnmpPDU) (packet []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gosnmp: %v", r)
		}
	}()
	return x.SnmpEncodePacket(gosnmp.GetResponse, variables, 0, 0)
}

func TestGosnmpAgrees(t *testing.T) {
	forEachGosnmpUser(t, func(t *testing.T, u *User) {
		x, s := gosnmpFor(t, u), localizeForLab(t, u)
		for n := range 20 {
			text := "text" + string(bytes.Repeat([]byte("x"), n))
			packet, err := encode(x, []gosnmp.SnmpPDU{
				{Name: ".1.3.6.1.2.1.1.5.0", Type: gosnmp.OctetString, Value: text},
				{Name: ".1.3.6.1.2.1.1.7.0", Type: gosnmp.Integer, Value: 72},
			})
			if err != nil {
				t.Fatal(err)
			}
			o, err := s.Open(packet)
			if err != nil {
				t.Fatalf("of gosnmp's: %v", err)
			}
			v, _, err := CutVarBind(o.VarBinds)
			if err != nil || v.Name.String() != "1.3.6.1.2.1.1.5.0" || string(v.Value) != text || string(o.ContextName) != "vrf" ||
				o.Boots != labHeader.Boots || o.Time != labHeader.Time || o.Authenticated != (u.Auth != NoAuth) {
				t.Errorf("gosnmp's came as %+v, %s %q %v", o, v.Name, v.Value, err)
			}
			sealed := s.Seal(nil, &labHeader, AppendScopedPDU(nil, &o.ScopedPDU))
			p, err := unmarshal(x, sealed)
			if err != nil {
				t.Fatalf("of ours: %v", err)
			}
			if len(p.Variables) != 2 || string(p.Variables[0].Value.([]byte)) != text || p.Variables[1].Value != 72 ||
				p.MsgID != uint32(labHeader.ID) || p.ContextName != "vrf" || p.RequestID != uint32(o.RequestID) {
				t.Errorf("ours came as %+v", p)
			}
		}
	})
}

func TestGosnmpDerivesTheSameKeys(t *testing.T) {
	engine := unhex(labEngine)
	forEachGosnmpUser(t, func(t *testing.T, u *User) {
		if u.Priv == NoPriv {
			return
		}
		theirs := gosnmpFor(t, u).SecurityParameters.(*gosnmp.UsmSecurityParameters)
		auth, priv, err := u.LocalizedKeys(engine)
		if err != nil || !bytes.Equal(auth, theirs.SecretKey) || !bytes.HasPrefix(theirs.PrivacyKey, priv) {
			t.Errorf("%x %x %v, gosnmp %x %x", auth, priv, err, theirs.SecretKey, theirs.PrivacyKey)
		}
	})
}

var benchmarkUsers = []*User{labUser(SHA, AES), labUser(SHA256, AES256C)}

// BenchmarkOpen decodes a response down to its numbers. Both implementations get a copy of the
// packet each time, because both decrypt in place. The ratio comes from alternating runs; with the
// tag gosnmp_nodebug it compares with gosnmp as Trapline builds it, otherwise with gosnmp's
// defaults.
func BenchmarkOpen(b *testing.B) {
	for _, u := range benchmarkUsers {
		for _, n := range []int{25, 50} {
			s, x := localizeForLab(b, u), gosnmpFor(b, u)
			packet := s.Seal(nil, &labHeader, scopedResponse(interfaceRows(n)))
			buf := slices.Clone(packet)
			ours := func() {
				copy(buf, packet)
				o, err := s.Open(buf)
				if err == nil {
					_, err = readAll(o.VarBinds)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			theirs := func() {
				copy(buf, packet)
				if p, err := x.UnmarshalTrap(buf, false); err != nil || len(p.Variables) != n {
					b.Fatal(err)
				}
			}
			name := fmt.Sprintf("%s-%s/%d/", u.Auth, u.Priv, n)
			for side, open := range map[string]func(){"trapline": ours, "gosnmp": theirs} {
				b.Run(name+side, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						open()
					}
					perVarBind(b, n)
				})
			}
			b.Run(name+"ratio", func(b *testing.B) {
				var spent, spentByGosnmp time.Duration
				for b.Loop() {
					spent += elapsed(ours)
					spentByGosnmp += elapsed(theirs)
				}
				b.ReportMetric(float64(spentByGosnmp)/float64(spent), "gosnmp/trapline")
			})
		}
	}
}

// elapsed returns the duration of a thousand calls of f, enough to amortize cold caches.
func elapsed(f func()) time.Duration {
	start := time.Now()
	for range 1000 {
		f()
	}
	return time.Since(start)
}

// BenchmarkSeal encodes a request for the next bindings of ten columns.
func BenchmarkSeal(b *testing.B) {
	const columns = 10
	var list []byte
	var theirs []gosnmp.SnmpPDU
	for i := range columns {
		name := AppendArc(MustParseOID("1.3.6.1.2.1.2.2.1"), uint32(i+1))
		list = AppendVarBind(list, VarBind{Name: name, Type: Null})
		theirs = append(theirs, gosnmp.SnmpPDU{Name: "." + name.String(), Type: gosnmp.Null})
	}
	for _, u := range benchmarkUsers {
		s, x := localizeForLab(b, u), gosnmpFor(b, u)
		for _, n := range []int32{25, 50} {
			request := ScopedPDU{
				ContextEngineID: s.EngineID(), ContextName: []byte("vrf"),
				PDU: PDU{Type: GetBulkRequest, RequestID: 815, ErrorIndex: n / columns, VarBinds: list},
			}
			b.Run(fmt.Sprintf("%s-%s/%d/trapline", u.Auth, u.Priv, n), func(b *testing.B) {
				b.ReportAllocs()
				var scoped, packet []byte
				for b.Loop() {
					scoped = AppendScopedPDU(scoped[:0], &request)
					packet = s.Seal(packet[:0], &labHeader, scoped)
				}
			})
			b.Run(fmt.Sprintf("%s-%s/%d/gosnmp", u.Auth, u.Priv, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := x.SnmpEncodePacket(gosnmp.GetBulkRequest, theirs, 0, uint32(n/columns)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
