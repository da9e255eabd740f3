package originator

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"trapline/internal/access"
	"trapline/internal/snmp"
)

// What does not fit a datagram is refused for what it is: retries do not help, and the receiver is not down.
func TestNotificationsThatDoNotFitADatagram(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.78.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	n := &Notification{Trap: snmp.MustParseOID("1.3.6.1.6.3.1.1.5.3"), VarBinds: []snmp.VarBind{
		{Name: snmp.MustParseOID(sysDescr), Type: snmp.OctetString, Value: make([]byte, maxMessage)},
	}}
	for version := access.Version(1); version <= 3; version++ {
		a := access.DefaultAuth()
		if a.Version = version; version == 3 {
			a.Username, a.SecurityLevel = "anna", "noAuthNoPriv"
		}
		s := newSender(t, receiverAt(t, conn.LocalAddr().String(), a), newIdentity(t))
		sends := map[string]func() error{"trap": func() error { return s.Trap(t.Context(), n) }}
		if version == 2 {
			sends["inform"] = func() error { _, err := s.Inform(t.Context(), n); return err }
		}
		for kind, send := range sends {
			t.Run(fmt.Sprint(kind, int(version)), func(t *testing.T) {
				failed := (*Error)(nil)
				if err := send(); !errors.As(err, &failed) || failed.Reason != access.Malformed {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}
