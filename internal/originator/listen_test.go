package originator

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/originator/receivertest"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// listening runs a Listener, which sends a line for each notification.
func listening(t *testing.T, u *snmp.User, identity *Identity) (address string, lines <-chan string) {
	t.Helper()
	c := make(chan string, 100)
	l := &Listener{Conn: receivertest.ListenUDP(t), Authority: authorityOf(u, identity)}
	l.Handle = func(r *Received) {
		text := fmt.Sprintf("v%d %s %s inform=%v", r.Version, r.Name, r.Context, r.Inform)
		if r.V1 != nil {
			text += fmt.Sprintf(" %s %d %d %v", r.V1.Enterprise, r.V1.Generic, r.V1.Specific, netip.AddrFrom4(r.V1.AgentAddress))
		}
		for list := r.VarBinds; len(list) > 0; {
			v, rest, err := snmp.CutVarBind(list)
			if err != nil {
				t.Error(err)
				break
			}
			text += " " + v.Name.String()
			list = rest
		}
		c <- text
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Conn.LocalAddr().String(), c
}

func authorityOf(u *snmp.User, identity *Identity) *Authority {
	return &Authority{Communities: map[string]bool{"public": true}, Users: map[string]*snmp.User{u.Name: u}, Identity: identity}
}

// Malformed datagrams, those of strangers and those that come too late stop nothing and are not shown.
func TestListenerTakesWhatNetSNMPSends(t *testing.T) {
	for _, u := range peers.UsualUsers() {
		a := receivertest.Credentials(u)
		p, err := a.Principal()
		if err != nil {
			t.Fatal(err)
		}
		identity := newIdentity(t)
		address, lines := listening(t, p.User, identity)
		noise, err := net.Dial("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		level := []string{"-l", a.SecurityLevel}
		if u.Auth != "" {
			level = append(level, "-a", strings.TrimSuffix(strings.Replace(u.Auth, "SHA", "SHA-", 1), "-"), "-A", peers.AuthPassphrase)
		}
		if u.Priv != "" {
			level = append(level, "-x", u.Priv, "-X", peers.PrivPassphrase)
		}
		user := append([]string{"-v3", "-u", u.Name, "-n", "ctx"}, level...)
		const uptime, oid = "1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.1.1.4.1.0"
		for _, test := range []struct {
			program string
			args    []string
			want    string
		}{
			{"snmptrap", []string{"-v1", "-cother", address, "1.3.6.1.4.1.9", "192.0.2.7", "6", "5", "1"}, ""},
			{"snmptrap", []string{"-v1", "-cpublic", address, "1.3.6.1.4.1.9", "192.0.2.7", "6", "5", "1", sysDescr, "s", "x"}, "v0 public  inform=false 1.3.6.1.4.1.9 6 5 192.0.2.7 " + sysDescr},
			{"snmptrap", []string{"-v2c", "-cpublic", address, "1", receivertest.WarmStart.String()}, "v1 public  inform=false " + uptime + " " + oid},
			{"snmpinform", []string{"-v2c", "-cpublic", address, "1", receivertest.WarmStart.String()}, "v1 public  inform=true " + uptime + " " + oid},
			{"snmptrap", append(slices.Concat(user, peers.NetSNMPEngine([]byte("\x80another engine"), 7, 1000)), address, "1", receivertest.WarmStart.String()), "v3 " + u.Name + " ctx inform=false " + uptime + " " + oid},
			{"snmpinform", append(slices.Clone(user), address, "1", receivertest.WarmStart.String()), "v3 " + u.Name + " ctx inform=true " + uptime + " " + oid},
		} {
			for _, b := range []string{"", "\x30", "\x30\x82\xff\xff\x02\x01\x03", strings.Repeat("\x30\x80", 700), string(make([]byte, 60000))} {
				_, _ = noise.Write([]byte(b))
			}
			peers.NetSNMP(t, test.program, test.args...)
			if test.want == "" {
				continue
			}
			if got := <-lines; got != test.want {
				t.Errorf("%s: %s %v is\n%s\nwant\n%s", u.Name, test.program, test.args, got, test.want)
			}
		}
		noise.Close()
	}
}

// The listener must accept the messages of this package, and refuse others with the Reports that
// state the reason.
func TestListenerReportsErrorsToSenders(t *testing.T) {
	for _, u := range []peers.User{peers.UsualUsers()[2], peers.TripleDESUser} {
		t.Run(u.Name, func(t *testing.T) { reportsErrorsToSenders(t, receivertest.Credentials(u)) })
	}
}

func reportsErrorsToSenders(t *testing.T, a access.Auth) {
	p, err := a.Principal()
	if err != nil {
		t.Fatal(err)
	}
	identity := newIdentity(t)
	address, lines := listening(t, p.User, identity)
	ours := newIdentity(t)
	n := &Notification{Trap: receivertest.WarmStart}
	s := newSender(t, receiverAt(t, address, a), ours)
	if _, err := s.Inform(t.Context(), n); err != nil {
		t.Error(err)
	}
	<-lines
	identity.mu.Lock()
	identity.booted = identity.booted.Add(-time.Hour)
	identity.mu.Unlock()
	if receipt, err := s.Inform(t.Context(), n); err != nil || !slices.Equal(receipt.Reports, []snmp.ReportKind{snmp.NotInTimeWindow}) {
		t.Errorf("%+v, %v", receipt, err)
	}
	<-lines
	for reason, change := range map[access.Reason]func(*access.Auth){
		access.UnknownUser:      func(a *access.Auth) { a.Username = "nobody" },
		access.WrongDigest:      func(a *access.Auth) { a.Password = "another one" },
		access.UnsupportedLevel: func(a *access.Auth) { a.SecurityLevel = access.AuthNoPriv },
		access.Decryption:       func(a *access.Auth) { a.PrivPassword = "another one" },
	} {
		wrong := a
		change(&wrong)
		_, err := newSender(t, receiverAt(t, address, wrong), ours).Inform(t.Context(), n)
		if e, ok := err.(*Error); !ok || e.Reason != reason {
			t.Errorf("%s: %v", reason, err)
		}
	}
	trap(t, s, n)
	if got := <-lines; !strings.Contains(got, "inform=false") {
		t.Error(got)
	}
}

func FuzzListener(f *testing.F) {
	f.Add(snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, PDU: snmp.InformRequest, RequestID: 1}))
	f.Add(snmp.AppendMessage3(nil, &snmp.Message3{Header3: snmp.Header3{Flags: snmp.FlagReportable}})) // a discovery
	f.Add(snmp.AppendTrap(nil, &snmp.TrapMessage{Trap: snmp.Trap{Enterprise: receivertest.Enterprise}}))
	a := receivertest.Credentials(peers.UsualUsers()[2])
	p, err := a.Principal()
	if err != nil {
		f.Fatal(err)
	}
	identity := FixedIdentity([]byte("\x80trapline"), 1, 0, time.Now())
	f.Fuzz(func(t *testing.T, b []byte) {
		l := &Listener{Handle: func(r *Received) {
			if r.Version == snmp.V3 {
				t.Error("what nobody signed is taken")
			}
		}}
		d, err := authorityOf(p.User, identity).Decoder()
		if err != nil {
			t.Fatal(err)
		}
		if answer := l.take(d, b, netip.AddrPort{}); len(answer) > len(b)+500 {
			t.Errorf("%d octets are answered with %d", len(b), len(answer))
		}
	})
}
