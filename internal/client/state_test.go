package client_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

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

// What a member of a cluster has measured of a device spares the next one the requests that it did not need itself. It holds
// no secret.
func TestMovedTargetsCostNoMore(t *testing.T) {
	octets, trials := 0, rarely(60)
	for seed := range trials {
		r := rand.New(rand.NewPCG(uint64(seed), 41))
		objects, settings := randomDevice(r)
		subject := newLawSubject("random", settings...)
		synctest.Test(t, func(t *testing.T) {
			w, err := newLawTrial(r, subject, objects)
			if err != nil {
				t.Fatal(err)
			}
			w.network.loss, w.network.twice, w.network.jitter = 0, 0, 0
			defer func() {
				for _, e := range append(w.others, w.engine) {
					_ = e.Close()
				}
			}()
			cost := func() int {
				before, _ := w.agent.asked()
				if err := w.pass(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				after, _ := w.agent.asked()
				return after - before
			}
			for range 3 {
				cost()
			}
			state := w.engine.Learned(w.got.Spec)
			if octets += len(state); bytes.Contains(state, []byte("public")) || bytes.Contains(state, []byte("passphrase")) {
				t.Errorf("seed %d: a secret is in %q", seed, state)
			}
			want := cost()
			if w.agent.full == isSilent {
				want += want/20 + 2 // which varies from poll to poll
			}
			for range 2 { // the second has it of one that has not polled
				w.others, w.engine = append(w.others, w.engine), w.network.start()
				if err := w.engine.Learn(w.got.Spec, state); err != nil {
					t.Fatal(err)
				}
				state = w.engine.Learned(w.got.Spec)
			}
			if got := cost(); got > want {
				t.Errorf("seed %d: the first poll takes %d requests, the next one of the member before %d: %s", seed, got, want, w.log[0])
			}
		})
	}
	t.Logf("%d octets for a device", octets/trials)
}

// Octets that are not the output of Learned are refused, and change nothing.
func TestLearnedThatIsNone(t *testing.T) {
	a := newAgent(t, column(300).answer)
	spec := client.Spec{Address: a.address}
	e := newEngine(t)
	x, _ := e.Target(spec)
	for range 2 {
		poll(t, x, client.Plan{Walk: walkOf(columnOID), Params: patient(25)}).wantErrors(t)
	}
	good := e.Learned(spec)
	if len(good) == 0 || e.Learned(client.Spec{Address: "192.0.2.1"}) != nil {
		t.Fatalf("%x", good)
	}
	if err := e.Learn(spec, good); err != nil {
		t.Error(err)
	}
	for i := range good {
		damaged := bytes.Clone(good)
		damaged[i] ^= 0x10
		for _, b := range [][]byte{damaged, good[:i], append(bytes.Clone(good[:i]), good...)} {
			if i > 0 && e.Learn(spec, b) == nil {
				t.Fatalf("octet %d: no error", i)
			}
		}
	}
	const time, sum = 9, 4 // octets of it
	if now := e.Learned(spec); !bytes.Equal(now[time:len(now)-sum], good[time:len(good)-sum]) {
		t.Error("what was refused has changed something")
	}
}
