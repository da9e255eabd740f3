package snmp

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestMessages3RoundTrip(t *testing.T) {
	for _, h := range []Header3{
		{},
		{ID: math.MaxInt32, MaxSize: math.MaxInt32, Boots: math.MaxInt32, Time: math.MaxInt32},
		{ID: 1, MaxSize: 484, EngineID: []byte("engine"), Boots: 2, Time: 3, UserName: []byte("jo")},
	} {
		for _, flags := range []Flags{0, FlagAuth, FlagAuth | FlagPriv, FlagReportable, 0xf8} {
			h.Flags = flags
			m := Message3{
				Header3: h, AuthParams: bytes.Repeat([]byte{1}, 48), PrivParams: []byte("the salt"),
				Data: scopedResponse(bytes.Repeat([]byte{0x30, 0}, 200)),
			}
			b := AppendMessage3(nil, &m)
			got, err := ParseMessage3(append(b, 0))
			if err != nil || fmt.Sprint(got) != fmt.Sprint(m) {
				t.Errorf("%v\n%+v\nwant\n%+v", err, got, m)
			}
		}
	}
}

// TestDiscoveryRequest compares the request of RFC 3414 section 4 with its octets.
func TestDiscoveryRequest(t *testing.T) {
	s, err := (&User{}).Localize(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := Header3{ID: 1, MaxSize: 1472, Flags: FlagReportable}
	got := s.Seal(nil, &h, AppendScopedPDU(nil, &ScopedPDU{PDU: PDU{Type: GetRequest, RequestID: 2}}))
	want := unhex("3037 020103" +
		"300d 020101 020205c0 040104 020103" + // msgID, msgMaxSize, reportable, USM
		"0410 300e 0400 020100 020100 0400 0400 0400" +
		"3011 0400 0400 a00b 020102 020100 020100 3000")
	if !bytes.Equal(got, want) {
		t.Errorf("% x\nwant\n% x", got, want)
	}
}

func TestMalformedMessages3(t *testing.T) {
	sound := func() *Message3 {
		return &Message3{Header3: Header3{ID: 1, MaxSize: 484, Flags: FlagAuth}, Data: scopedResponse(nil)}
	}
	if _, err := ParseMessage3(AppendMessage3(nil, sound())); err != nil {
		t.Fatal(err)
	}
	replaced := func(old, put string) []byte {
		b := AppendMessage3(nil, sound())
		out := bytes.Replace(b, unhex(old), unhex(put), 1)
		if bytes.Equal(b, out) || len(b) != len(out) {
			t.Fatalf("%s is not in % x", old, b)
		}
		return out
	}
	for _, c := range []struct {
		packet []byte
		want   string
	}{
		{nil, "message: message is cut off"},
		{AppendMessage(nil, &Message{V2c, []byte("public"), Response, 7, NoError, 0, nil}), "version: not 3 (SNMPv3)"},
		{replaced("040101 020103", "040102 020103"),
			"msgFlags: not one octet with encryption in authenticated messages only"},
		{replaced("040101 020103", "040100 020102"), "msgSecurityModel: not 3 (the User-based Security Model)"},
		{replaced("020101", "0201ff"), "msgID: not a number of the size that belongs here"},
		{replaced("020201e4", "0202ffff"), "msgMaxSize: not a number of the size that belongs here"},
		{replaced("020100 020100", "0201ff 020100"),
			"msgAuthoritativeEngineBoots: not a number of the size that belongs here"},
		{replaced("020100 020100", "020100 0201ff"),
			"msgAuthoritativeEngineTime: not a number of the size that belongs here"},
		{replaced("0400 0400 0400", "0400 0500 0400"), "msgAuthenticationParameters: tag 0x05 where 0x04 belongs"},
		{replaced("0400 0400 0400", "0400 0400 0484"),
			"msgPrivacyParameters: message is cut off"},
	} {
		if _, err := ParseMessage3(c.packet); err == nil || err.Error() != c.want {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
	for i := range AppendMessage3(nil, sound()) {
		if _, err := ParseMessage3(AppendMessage3(nil, sound())[:i]); !errors.Is(err, ErrTruncated) {
			t.Errorf("%d octets: %v", i, err)
		}
	}
}

func FuzzParseMessage3(f *testing.F) {
	for _, u := range []*User{labUser(NoAuth, NoPriv), labUser(SHA, NoPriv), labUser(SHA, AES)} {
		f.Add(localizeForLab(f, u).Seal(nil, &labHeader, scopedResponse(interfaceRows(2))))
	}
	f.Add(unhex("3082ffff0201033084ffffffff")) // lengths without content
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessage3(b)
		if err != nil {
			return
		}
		// A peer's encoder may use non-minimal forms. Our encoding must decode to the same message.
		again := AppendMessage3(nil, &m)
		second, err := ParseMessage3(again)
		if err != nil || !slices.Equal(AppendMessage3(nil, &second), again) {
			t.Errorf("% x reads back with %v", again, err)
		}
		s, err := ParseScopedPDU(m.Data)
		if err != nil {
			return
		}
		_, _ = readAll(s.VarBinds)
		if s2, err := ParseScopedPDU(AppendScopedPDU(nil, &s)); err != nil || !bytes.Equal(s2.VarBinds, s.VarBinds) {
			t.Errorf("% x reads back with %v", m.Data, err)
		}
	})
}
