package listen

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"

	"trapline/internal/alarm"
	"trapline/internal/journal"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/traps"
	"trapline/mibs"
)

// victim is a listener whose rules use all that a notification may say.
type victim struct {
	t       testing.TB
	l       *Listener
	s       *socket
	log     string
	decoder *originator.Decoder
	taken   int
	given   uint32
}

func newVictim(t testing.TB) *victim {
	t.Helper()
	all := traps.Settings{
		Alert: "Any", On: "1.3.*", Until: "up == 1", Key: []string{"1.3.6.1.2.1.1.1", "1.3.6.1.2.1.2.2.1.2"}, Clear: []string{"1.3.6.1.6.3.1.1.5.4"}, Expires: expires(t, "1h"),
		Labels:      map[string]string{"all": "{{ range $values }}{{ . }}{{ end }}", "severity": "{{ $values.At 1 }}", "name": "{{ $names.At 2 }}"},
		Annotations: map[string]string{"summary": "{{ range $k, $v := $varbinds }}{{ $k }}{{ $v }}{{ $v }}{{ end }}", "description": "{{ $trap }}{{ $labels.all }}{{ $labels.all }}"},
	}
	indexed := traps.Settings{Alert: "Row", On: "1.3.6.1.6.3.1.1.5.*", Match: map[string]setting.AnchoredRegexp{}, Expires: expires(t, "1h")}
	v := &victim{t: t, s: nowhere(t), log: filepath.Join(t.TempDir(), "log")}
	c := &Configuration{
		Settings: Settings{Addresses: []string{"127.0.78.1:0"}, Allow: []string{"192.0.2.0/24"}, Forwarders: []string{"192.0.2.9"}, Rate: 1e9, Log: LogSettings{File: v.log}}, Forward: true,
		Targets: []traps.Target{{Name: "a", Address: "192.0.2.1"}}, Rules: []traps.Settings{all, indexed}, Names: func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) },
	}
	v.l, _ = newListener(t, c)
	v.l.options.Apply = v.apply
	v.l.options.Forward = v.forward
	v.l.options.Note = func(e journal.Event) {
		if len(e.Text) > 1000 || !utf8.ValidString(e.Text) || !utf8.ValidString(e.Value) {
			t.Errorf("an entry of the journal is %q", e.Text)
		}
	}
	authority := originator.Authority{AnyCommunity: true}
	v.decoder, _ = authority.Decoder()
	return v
}

func (v *victim) apply(list []outbox.Transition, _ time.Time) error {
	for i := range list {
		a := &list[i].Alarm
		if size := a.Size(); size > 1<<20 {
			v.t.Errorf("an alarm has %d octets", size)
		}
		text, err := json.Marshal(a)
		if err != nil {
			v.t.Error(err)
		}
		var back alarm.Alarm
		if err := json.Unmarshal(text, &back); err != nil || back.Summary != a.Summary || len(back.Labels) != len(a.Labels) {
			v.t.Errorf("%v: %+v is stored as %+v", err, a, back)
		}
		for name, value := range a.Labels {
			if back.Labels[name] != value {
				v.t.Errorf("label %s is %q, and %q after a restart", name, value, back.Labels[name])
			}
		}
	}
	return nil
}

func (v *victim) forward(list []alarm.Event, _ time.Time) error {
	for i := range list {
		v.taken++
		b := snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, PDU: snmp.TrapV2, RequestID: 1, VarBinds: list[i].Trap})
		r, _, err := v.decoder.Decode(b, netip.MustParseAddrPort("192.0.2.7:162"))
		if err != nil {
			v.t.Errorf("what is forwarded is no notification: %v", err)
			continue
		}
		if err := new(traps.Trap).Read(r); err != nil {
			v.t.Errorf("what is forwarded cannot be read: %v", err)
		}
	}
	return nil
}

// attack gives a datagram, and checks that the listener goes on.
func (v *victim) attack(b []byte, from string) {
	give(v.l, v.s, from, bytes.Clone(b))
	before := v.taken
	v.given++
	give(v.l, v.s, "192.0.2.2:1", message(snmp.TrapV2, 1, v.given))
	if v.taken != before+1 {
		v.t.Fatalf("after % x the next notification is not taken", b)
	}
}

// samples are messages to be mutated.
func samples() (list [][]byte) {
	objects := []snmp.VarBind{
		{Name: snmp.MustParseOID("1.3.6.1.2.1.1.1.0"), Type: snmp.OctetString, Value: []byte("\x1b[2J\u202e\xff")}, {Name: snmp.MustParseOID("1.3.6.1.2.1.2.2.1.2.7"), Type: snmp.OctetString, Value: []byte("eth0\n# HELP x")},
		{Name: originator.SNMPTrapAddress, Type: snmp.IPAddress, Value: []byte{192, 0, 2, 1}}, {Name: snmp.MustParseOID("1.3.6.1.2.1.2.2.1.8.4294967295"), Type: snmp.Integer, Value: []byte{0x80, 0, 0, 0}},
		{Name: snmp.MustParseOID("1.3.6.1.2.1.4.20.1.1.1.2.3"), Type: snmp.Opaque, Value: []byte{0x9f, 0x78, 4, 0x7f, 0xc0, 0, 0}}, {Name: snmp.MustParseOID("1.3.6.1.4.1.9"), Type: snmp.Counter64, Value: []byte{0, 255, 255, 255, 255, 255, 255, 255, 255}},
		{Name: snmp.MustParseOID("1.0"), Type: snmp.ObjectIdentifier, Value: snmp.MustParseOID("1.3.6.1.6.3.1.1.5.4")}, {Name: snmp.MustParseOID("2.999.4294967295"), Type: snmp.TimeTicks, Value: []byte{0}},
	}
	var many, large []snmp.VarBind
	for range 2000 {
		many = append(many, snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.1.1.0"), Type: snmp.OctetString, Value: []byte("\x00 long long text")})
	}
	large = append(large, snmp.VarBind{Name: objects[1].Name, Type: snmp.OctetString, Value: bytes.Repeat([]byte("{{\x00"), 21_000)})
	for _, of := range [][]snmp.VarBind{nil, objects, many, large} {
		list = append(list, message(snmp.TrapV2, 1, 1, of...), message(snmp.InformRequest, -1, 1, of...))
		v1 := snmp.Trap{Enterprise: snmp.MustParseOID("1.3.6.1.4.1.9"), AgentAddress: [4]byte{192, 0, 2, 1}, Generic: snmp.EnterpriseSpecific, Specific: -1}
		for _, one := range of {
			v1.VarBinds = snmp.AppendVarBind(v1.VarBinds, one)
		}
		list = append(list, snmp.AppendTrap(nil, &snmp.TrapMessage{Community: []byte("public"), Trap: v1}))
	}
	return list
}

// FuzzDatagrams holds that no datagram ends the listener, or makes what cannot be stored and passed on.
func FuzzDatagrams(f *testing.F) {
	for _, b := range samples() {
		if len(b) < 1000 {
			f.Add(b)
		}
	}
	v := newVictim(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		v.t = t
		v.attack(b, "192.0.2.1:1")
	})
}

// Notifications of all versions, as they are and with octets changed, cut or repeated, are taken or refused.
func TestHostileDatagrams(t *testing.T) {
	v := newVictim(t)
	random := rand.New(rand.NewPCG(8, 8))
	for n, b := range samples() {
		for range 60 {
			c := bytes.Clone(b)
			for range random.IntN(4) {
				at := random.IntN(min(len(c), 200))
				switch random.IntN(3) {
				case 0:
					c[at] = []byte{0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xff, 0x30}[random.IntN(10)]
				case 1:
					c = append(c[:at:at], c[at+1:]...)
				default:
					c = append(c[:at:at], append([]byte{c[at]}, c[at:]...)...)
				}
			}
			v.attack(c, []string{"192.0.2.1:1", "192.0.2.9:1", "192.0.2.3:1"}[random.IntN(3)])
		}
		if t.Failed() {
			t.Fatalf("by sample %d", n)
		}
	}
	text, err := os.ReadFile(v.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if !json.Valid(line) {
			t.Fatalf("a line of the log is %.200q", line)
		}
	}
}

// However many notifications wait: those of one transaction, and of one write to the log, are bounded.
func TestTransactionsAreBounded(t *testing.T) {
	v := newVictim(t)
	most, all := 0, 0
	v.l.options.Apply = func(list []outbox.Transition, _ time.Time) error {
		most, all = max(most, len(list)), all+len(list)
		return nil
	}
	v.l.options.Forward = func([]alarm.Event, time.Time) error { return nil }
	var list [][]byte
	for i := range uint32(6000) {
		list = append(list, message(snmp.TrapV2, 1, i))
	}
	give(v.l, v.s, "192.0.2.1:1", list...)
	if most > maxCommitment+10 || all < len(list) {
		t.Errorf("%d transitions in a transaction, %d in all", most, all)
	}
	for _, w := range v.l.workers {
		if cap(w.lines) > 4*maxLines {
			t.Errorf("%d octets of the log are kept", cap(w.lines))
		}
	}
}
