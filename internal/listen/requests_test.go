package listen

import (
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// Of the rate of a sender, requests of a user with authentication take a tenth, and those of others all.
func TestRequestsOfUsersTakeATenth(t *testing.T) {
	l, _ := newListener(t, &Configuration{})
	asked := 0
	l.options.Respond = func(q *originator.Request) (snmp.PDU, bool) {
		asked++
		return snmp.PDU{Type: snmp.Response, RequestID: q.PDU.RequestID}, true
	}
	auth := access.DefaultAuth()
	user := access.Auth{Version: 3, Username: "nms", SecurityLevel: "authNoPriv", AuthProtocol: "SHA", Password: "a passphrase"}
	identity := originator.FixedIdentity([]byte("\x80\x00\x00\x00\x04trapline"), 1, 0, time.Now())
	if err := l.Configure(&Configuration{
		Settings: Settings{Rate: 2, Allow: []string{"192.0.2.0/24"}, Agent: []string{"public_v2", "nms"}}, Identity: identity,
		Auths: map[string]*access.Auth{"public_v2": &auth, "nms": &user},
	}); err != nil {
		t.Fatal(err)
	}
	principal, err := user.Principal()
	if err != nil {
		t.Fatal(err)
	}
	security, err := principal.User.Localize(identity.ID)
	if err != nil {
		t.Fatal(err)
	}
	boots, seconds, err := identity.Clock(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	get := snmp.PDU{Type: snmp.GetRequest, RequestID: 7, VarBinds: snmp.AppendVarBind(nil, snmp.VarBind{Name: linkDown, Type: snmp.Null})}
	signed := security.Seal(nil, &snmp.Header3{ID: 1, MaxSize: 1500, Flags: snmp.FlagReportable, Boots: boots, Time: seconds}, snmp.AppendScopedPDU(nil, &snmp.ScopedPDU{ContextEngineID: identity.ID, PDU: get}))
	open := snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: get.Type, RequestID: 7, VarBinds: get.VarBinds})
	s := nowhere(t)
	for _, test := range []struct {
		from        string
		b           []byte
		least, most int
	}{{"192.0.2.1:1", open, 8, 10}, {"192.0.2.2:1", signed, 71, 90}} {
		asked = 0
		for range 500 {
			give(l, s, test.from, append([]byte(nil), test.b...))
		}
		if asked < test.least || asked > test.most {
			t.Errorf("%d requests of a rate of 2 a second are answered, want %d to %d", asked, test.least, test.most)
		}
	}
}
