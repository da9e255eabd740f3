package snmp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// unhex decodes a hex constant, ignoring blanks.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

const (
	rfcEngine = "000000000000000000000002"       // RFC 3414 section A.3
	labEngine = "80001f8804736e6d70642d74657374" // snmpd of net-snmp
)

func TestPassphraseToMasterKey(t *testing.T) {
	for _, c := range []struct {
		auth AuthProtocol
		text string
		want string
	}{
		{MD5, "maplesyrup", "9faf3283884e92834ebc9847d8edd963"},         // RFC 3414 section A.3.1
		{SHA, "maplesyrup", "9fb5cc0381497b3793528939ff788d5d79145211"}, // section A.3.2
		{SHA, "authkey1xx", "5d57ffeea4949a240ec074a9073c9cb8b7c8fe8e"},
		{SHA, "privkey1xx", "7a0e240d17066cb6f72941490653edec702e5ebe"},
	} {
		if got := hex.EncodeToString(masters.key(c.auth, []byte(c.text))); got != c.want {
			t.Errorf("%s of %s is %s, want %s", c.auth, c.text, got, c.want)
		}
	}
}

func TestLongPassphraseEndsAtAMebibyte(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 1<<20)
	if !bytes.Equal(passphraseToKey(SHA, append(long, "and more"...)), passphraseToKey(SHA, []byte("x"))) {
		t.Error("what stands behind the first MiB counts")
	}
}

var localizedKeys = []struct {
	name   string
	user   User
	engine string
	auth   string
	priv   string
}{
	{
		"RFC 3414 section A.3.1", User{Auth: MD5, AuthKey: Passphrase("maplesyrup")},
		rfcEngine, "526f5eed9fcce26f8964c2930787d82b", "",
	},
	{
		"RFC 3414 section A.3.2", User{Auth: SHA, AuthKey: Passphrase("maplesyrup")},
		rfcEngine, "6695febc9288e36282235fc7151f128497b38f3f", "",
	},
	{
		"snmpd, DES", User{Auth: MD5, AuthKey: Passphrase("authkey1xx"), Priv: DES, PrivKey: Passphrase("privkey1xx")},
		labEngine, "da0ff45ea49d3f8e52c2618e95497c52", "19b66f068995660d76b944d054e888a2",
	},
	{
		"snmpd, AES", User{Auth: SHA, AuthKey: Passphrase("authkey1xx"), Priv: AES, PrivKey: Passphrase("privkey1xx")},
		labEngine, "b836336961631982313143cf89d2819bccbc3332", "db057d1100095686a127cfc677b4ad8a",
	},
	{
		"snmpd, AES256 after Blumenthal",
		User{Auth: SHA, AuthKey: Passphrase("authkey1xx"), Priv: AES256, PrivKey: Passphrase("privkey1xx")},
		labEngine, "b836336961631982313143cf89d2819bccbc3332",
		"db057d1100095686a127cfc677b4ad8ac54952c66d54c77a44ec7dff3c26a783",
	},
	{
		"draft-reeder-snmpv3-usm-3desede-00, MD5", User{Auth: MD5, AuthKey: Passphrase("maplesyrup"), Priv: TripleDES, PrivKey: Passphrase("maplesyrup")},
		rfcEngine, "526f5eed9fcce26f8964c2930787d82b", "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12",
	},
	{
		"hashlib, 3DES with SHA", User{Auth: SHA, AuthKey: Passphrase("maplesyrup"), Priv: TripleDES, PrivKey: Passphrase("maplesyrup")},
		rfcEngine, "6695febc9288e36282235fc7151f128497b38f3f", "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9c",
	},
	{
		"hashlib, 3DES with SHA224", User{Auth: SHA224, AuthKey: Passphrase("maplesyrup"), Priv: TripleDES, PrivKey: Passphrase("maplesyrup")},
		rfcEngine, "0bd8827c6e29f8065e08e09237f177e410f69b90e1782be682075674", "0bd8827c6e29f8065e08e09237f177e410f69b90e1782be68207567422c34be4",
	},
	{
		"hashlib, 3DES with SHA512, which is long enough", User{Auth: SHA512, AuthKey: Passphrase("maplesyrup"), Priv: TripleDES, PrivKey: Passphrase("maplesyrup")},
		rfcEngine, "22a5a36cedfcc085807a128d7bc6c2382167ad6c0dbc5fdff856740f3d84c099ad1ea87a8db096714d9788bd544047c9021e4229ce27e4c0a69250adfcffbb0b", "22a5a36cedfcc085807a128d7bc6c2382167ad6c0dbc5fdff856740f3d84c099",
	},
	{
		"master keys",
		User{
			Auth: SHA, AuthKey: MasterKey(unhex("5d57ffeea4949a240ec074a9073c9cb8b7c8fe8e")),
			Priv: AES256, PrivKey: MasterKey(unhex("7a0e240d17066cb6f72941490653edec702e5ebe")),
		},
		labEngine, "b836336961631982313143cf89d2819bccbc3332",
		"db057d1100095686a127cfc677b4ad8ac54952c66d54c77a44ec7dff3c26a783",
	},
	{
		"localized keys",
		User{
			Auth: SHA, AuthKey: LocalizedKey(unhex("b836336961631982313143cf89d2819bccbc3332")),
			Priv: AES, PrivKey: LocalizedKey(unhex("db057d1100095686a127cfc677b4ad8a")),
		},
		labEngine, "b836336961631982313143cf89d2819bccbc3332", "db057d1100095686a127cfc677b4ad8a",
	},
	{
		"a localized key of the hash's length, lengthened",
		User{
			Auth: SHA, AuthKey: LocalizedKey(unhex("b836336961631982313143cf89d2819bccbc3332")),
			Priv: AES256, PrivKey: LocalizedKey(unhex("db057d1100095686a127cfc677b4ad8ac54952c6")),
		},
		labEngine, "b836336961631982313143cf89d2819bccbc3332", "db057d1100095686a127cfc677b4ad8ac54952c6",
	},
}

func TestLocalizedKeys(t *testing.T) {
	for _, c := range localizedKeys {
		auth, priv, err := c.user.LocalizedKeys(unhex(c.engine))
		if err != nil || hex.EncodeToString(auth) != c.auth {
			t.Errorf("%s: key of authentication %x %v, want %s", c.name, auth, err, c.auth)
		}
		if !strings.HasPrefix(hex.EncodeToString(priv), c.priv) || len(priv) != privProtocols[c.user.Priv].key {
			t.Errorf("%s: key of privacy %x, want %s", c.name, priv, c.priv)
		}
	}
}

func TestMasterKeysOfKeys(t *testing.T) {
	const ku = "5d57ffeea4949a240ec074a9073c9cb8b7c8fe8e"
	for _, k := range []Key{Passphrase("authkey1xx"), MasterKey(unhex(ku))} {
		if got := hex.EncodeToString(k.Master(SHA)); got != ku {
			t.Errorf("%s, want %s", got, ku)
		}
	}
	if LocalizedKey(unhex(ku)).Master(SHA) != nil {
		t.Error("a localized key was turned back into a master key")
	}
}

func TestUsersThatCannotBe(t *testing.T) {
	good := Passphrase("authkey1xx")
	for _, c := range []struct {
		user   User
		engine string
		want   string
	}{
		{User{Auth: SHA}, labEngine, "key of authentication: none"},
		{User{Auth: SHA, AuthKey: good}, "", "an engine ID has 5 to 32 octets, not 0"},
		{User{Auth: SHA, AuthKey: good}, strings.Repeat("80", 33), "an engine ID has 5 to 32 octets, not 33"},
		{User{Priv: AES, PrivKey: good}, labEngine, "privacy by AES needs authentication"},
		{User{Auth: SHA, AuthKey: good, Priv: AES}, labEngine, "key of privacy: none"},
		{User{Auth: SHA, AuthKey: Passphrase("")}, labEngine, "key of authentication: none"},
		{User{Auth: SHA, AuthKey: MasterKey(make([]byte, 16))}, labEngine,
			"key of authentication: 16 octets where a master key for SHA has 20"},
		{User{Auth: SHA256, AuthKey: LocalizedKey(make([]byte, 20))}, labEngine,
			"key of authentication: 20 octets where a localized key for SHA256 has 32"},
		{User{Auth: SHA, AuthKey: good, Priv: AES256, PrivKey: LocalizedKey(make([]byte, 24))}, labEngine,
			"key of privacy: 24 octets where a localized key for AES256 has 32"},
		{User{Auth: SHA, AuthKey: good, Priv: AES, PrivKey: LocalizedKey(make([]byte, 24))}, labEngine,
			"key of privacy: 24 octets where a localized key for AES has 16"},
	} {
		if _, err := c.user.Localize(unhex(c.engine)); err == nil || err.Error() != c.want {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func TestProtocolsHaveNames(t *testing.T) {
	for i, name := range AuthProtocolNames() {
		if p, err := ParseAuthProtocol(name); err != nil || p != AuthProtocol(i+1) || p.String() != name {
			t.Errorf("%s is %s, %v", name, p, err)
		}
	}
	for i, name := range PrivProtocolNames() {
		if p, err := ParsePrivProtocol(name); err != nil || p != PrivProtocol(i+1) || p.String() != name {
			t.Errorf("%s is %s, %v", name, p, err)
		}
	}
	for _, name := range []string{"", "none", "SHA2", "IDEA"} {
		_, errAuth := ParseAuthProtocol(name)
		_, errPriv := ParsePrivProtocol(name)
		if errAuth == nil || errPriv == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	const text = "not for your eyes"
	key := Passphrase(text)
	user := User{Name: "jo", Auth: SHA, AuthKey: key, Priv: AES, PrivKey: MasterKey([]byte(text))}
	inside := struct{ user *User }{&user}
	unexported := struct{ key Key }{key}
	security, err := (&User{Auth: SHA, AuthKey: key, Priv: AES, PrivKey: key}).Localize(unhex(labEngine))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, x := range []any{key, &key, user, &user, inside, unexported, &unexported, security} {
			fmt.Fprintf(&out, verb+"\n", x)
		}
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("", "key", key, "user", user)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("", "key", key, "user", user)
	_ = json.NewEncoder(&out).Encode(user)
	printed := strings.ToLower(out.String())
	decimal := strings.Trim(fmt.Sprint([]byte(text)), "[]")
	for _, trace := range []string{text, hex.EncodeToString([]byte(text)), decimal, strings.ReplaceAll(decimal, " ", ", ")} {
		if strings.Contains(printed, trace) {
			t.Errorf("%q is in\n%s", trace, printed)
		}
	}
	if strings.Contains(printed, "hmac") || strings.Count(printed, hidden) < 20 {
		t.Errorf("the keys are not marked in\n%s", printed)
	}
}

func TestKeysCompare(t *testing.T) {
	a := Passphrase("authkey1xx")
	for _, c := range []struct {
		other Key
		want  bool
	}{{Passphrase("authkey1xx"), true}, {Passphrase("authkey2xx"), false}, {MasterKey([]byte("authkey1xx")), false}, {Key{}, false}} {
		if a.Equal(c.other) != c.want || c.other.Equal(a) != c.want {
			t.Errorf("%v", c)
		}
	}
	if !(Key{}).Equal(Key{}) || !(Key{}).IsZero() || a.IsZero() {
		t.Error("no key")
	}
}

func TestMasterKeysAreComputedOnceAndBounded(t *testing.T) {
	var m masterKeys
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() { keys[i] = m.key(SHA, []byte("authkey1xx")) })
	}
	wg.Wait()
	for _, k := range keys {
		if &k[0] != &keys[0][0] {
			t.Error("one passphrase was hashed twice")
		}
	}
	for i := range maxMasterKeys + 5 {
		m.makeRoom()
		m.keys[[32]byte{byte(i), byte(i >> 8)}] = nil
	}
	if len(m.keys) != maxMasterKeys {
		t.Errorf("%d keys are remembered", len(m.keys))
	}
}

func BenchmarkPassphraseToKey(b *testing.B) {
	for _, p := range []AuthProtocol{MD5, SHA, SHA256, SHA512} {
		b.Run(p.String(), func(b *testing.B) {
			for b.Loop() {
				passphraseToKey(p, []byte("authkey1xx"))
			}
		})
	}
}

func BenchmarkLocalize(b *testing.B) {
	for _, p := range []PrivProtocol{AES, AES256, AES256C} {
		b.Run("SHA/"+p.String(), func(b *testing.B) {
			u := User{Name: "jo", Auth: SHA, AuthKey: Passphrase("authkey1xx"), Priv: p, PrivKey: Passphrase("privkey1xx")}
			engine := unhex(labEngine)
			for b.Loop() {
				if _, err := u.Localize(engine); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
