package client_test

import (
	"bytes"
	"strings"
	"testing"

	"trapline/internal/client"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// restarted returns an engine with the saved state of another.
func restarted(t *testing.T, before *client.Client) *client.Client {
	t.Helper()
	var state bytes.Buffer
	if err := before.Save(&state); err != nil {
		t.Fatal(err)
	}
	if s := state.String(); strings.Contains(s, "public") || strings.Contains(s, peers.AuthPassphrase) {
		t.Error("a secret is saved")
	}
	e := newEngine(t)
	if err := e.Restore(&state); err != nil {
		t.Fatal(err)
	}
	return e
}

// A table that is known is walked in segments at once, in another process too.
func TestTablesAreKnownAfterARestart(t *testing.T) {
	a := newAgent(t, column(500).answer)
	plan := client.Plan{Walk: walkOf(columnOID), Params: patient(25)}
	spec := client.Spec{Address: a.address}
	e := newEngine(t)
	for range 2 {
		x, _ := e.Target(spec)
		r := poll(t, x, plan)
		r.wantErrors(t)
	}
	a.forget()
	x, _ := restarted(t, e).Target(spec)
	r := poll(t, x, plan)
	r.wantErrors(t)
	r.wantLines(t, 500)
	if second := a.asked()[1].oids(); len(second) < 2 || second[0].String() != columnOID+".50" {
		t.Errorf("the second request is for what follows %v", second)
	}
}

// An SNMPv3 engine that is known is not discovered again.
func TestPeersEnginesAreKnownAfterARestart(t *testing.T) {
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	spec := client.Spec{Address: snmpd.Address, Auth: authOf(shaAES)}
	e := newEngine(t)
	x, err := e.Target(spec)
	if err != nil {
		t.Fatal(err)
	}
	poll(t, x, getName).wantName(t, "snmpd-test")
	x, _ = restarted(t, e).Target(spec)
	r := poll(t, x, getName)
	r.wantName(t, "snmpd-test")
	if r.stats.Packets != 1 {
		t.Errorf("%d packets after the restart", r.stats.Packets)
	}
}

// Invalid state must return an error and leave the engine unchanged.
func TestStateThatIsNone(t *testing.T) {
	e := newEngine(t)
	var good bytes.Buffer
	if err := e.Save(&good); err != nil {
		t.Fatal(err)
	}
	for name, state := range map[string][]byte{
		"nothing": nil, "something else": []byte("a text that is long enough for the name"), "cut off": good.Bytes()[:good.Len()-3],
		"garbage": append(bytes.Clone(good.Bytes()[:20]), 0xff, 0x80, 0x01, 0xfe, 0x07),
	} {
		if err := e.Restore(bytes.NewReader(state)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	a := newAgent(t, column(3).answer)
	x, err := e.Target(client.Spec{Address: a.address})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Poll(t.Context(), &client.Plan{Walk: walkOf(columnOID)}, func(snmp.VarBind) {}); err != nil {
		t.Error(err)
	}
}
