package originator

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/originator/receivertest"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// answer makes the receiver respond to each message with the result of reply, unless it is nil,
// until the test ends.
func answer(t testing.TB, c net.PacketConn, reply func(message []byte) []byte) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, maxMessage)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			if r := reply(bytes.Clone(b[:n])); r != nil {
				_, _ = c.WriteTo(r, from)
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-ended })
}

// response acknowledges an inform of SNMPv2c.
func response(message []byte) *snmp.Message {
	m, err := snmp.ParseMessage(message)
	if err != nil || m.PDU != snmp.InformRequest {
		return &snmp.Message{}
	}
	m.PDU = snmp.Response
	return &m
}

func TestRetransmissionsHoldTheRequestID(t *testing.T) {
	sink := receivertest.ListenUDP(t)
	var messages [][]byte
	answer(t, sink, func(b []byte) []byte {
		if messages = append(messages, b); len(messages) < 3 {
			return nil
		}
		return snmp.AppendMessage(nil, response(b))
	})
	r := receiverAt(t, sink.LocalAddr().String(), receivertest.Community(2))
	r.Timeout, r.Retries = 50*time.Millisecond, 1000
	receipt, err := newSender(t, r, nil).Inform(t.Context(), &Notification{Trap: receivertest.WarmStart, RequestID: 77})
	if err != nil || receipt.Sent < 3 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	sink.Close()
	for _, b := range messages {
		if m := response(b); m.RequestID != 77 || !bytes.Equal(b, messages[0]) {
			t.Errorf("message with request-id %d: % x", m.RequestID, b)
		}
	}
}

func TestInformIsSentAsOftenAsItsReceiverSays(t *testing.T) {
	sink := receivertest.ListenUDP(t)
	sent := 0
	answer(t, sink, func([]byte) []byte { sent++; return nil })
	r := receiverAt(t, sink.LocalAddr().String(), receivertest.Community(2))
	r.Timeout, r.Retries = 20*time.Millisecond, 3
	receipt, err := newSender(t, r, nil).Inform(t.Context(), &Notification{Trap: receivertest.WarmStart})
	var e *Error
	if !errors.As(err, &e) || e.Reason != access.Timeout || receipt.Sent != 4 || receipt.RTT != 0 {
		t.Errorf("%+v, %v", receipt, err)
	}
}

// Only a valid acknowledgment, or an error response, may end an inform.
func TestWhatAcknowledgesAnInform(t *testing.T) {
	for name, test := range map[string]struct {
		reply func(*snmp.Message)
		raw   []byte
		want  access.Reason // "" means acknowledged
	}{
		"a response":         {reply: func(*snmp.Message) {}},
		"without bindings":   {reply: func(m *snmp.Message) { m.VarBinds = nil }},
		"tooBig":             {reply: func(m *snmp.Message) { m.ErrorStatus, m.VarBinds = snmp.TooBig, nil }, want: access.ErrorStatus},
		"genErr":             {reply: func(m *snmp.Message) { m.ErrorStatus = snmp.GenErr }, want: access.ErrorStatus},
		"another request-id": {reply: func(m *snmp.Message) { m.RequestID++ }, want: access.Timeout},
		"another community":  {reply: func(m *snmp.Message) { m.Community = []byte("other") }, want: access.Timeout},
		"another version":    {reply: func(m *snmp.Message) { m.Version = snmp.V1 }, want: access.Timeout},
		"the inform itself":  {reply: func(m *snmp.Message) { m.PDU = snmp.InformRequest }, want: access.Timeout},
		"a Report":           {reply: func(m *snmp.Message) { m.PDU = snmp.Report }, want: access.Timeout},
		"nothing":            {raw: []byte{}, want: access.Timeout},
		"noise":              {raw: []byte("\x30\x82\xff\xff\x02\x01\x01"), want: access.Timeout},
	} {
		sink := receivertest.ListenUDP(t)
		answer(t, sink, func(b []byte) []byte {
			if test.raw != nil {
				return test.raw
			}
			m := response(b)
			test.reply(m)
			return snmp.AppendMessage(nil, m)
		})
		r := receiverAt(t, sink.LocalAddr().String(), receivertest.Community(2))
		if r.Retries = 0; test.want == access.Timeout {
			r.Timeout = 50 * time.Millisecond
		}
		_, err := newSender(t, r, nil).Inform(t.Context(), &Notification{Trap: receivertest.WarmStart})
		var e *Error
		if errors.As(err, &e); (test.want == "") != (err == nil) || e != nil && e.Reason != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who is authoritative: the sender of a trap, the receiver of an inform (RFC 3414 section 1.5.1).
func TestEnginesAndFlagsOnTheWire(t *testing.T) {
	identity := newIdentity(t)
	for i, level := range []snmp.Flags{0, snmp.FlagAuth, snmp.FlagAuth | snmp.FlagPriv} {
		sink := receivertest.ListenUDP(t)
		s := newSender(t, receiverAt(t, sink.LocalAddr().String(), receivertest.Credentials(peers.UsualUsers()[i])), identity)
		trap(t, s, &Notification{Trap: receivertest.WarmStart})
		m, err := snmp.ParseMessage3(receivertest.Receive(t, sink))
		if err != nil || m.Flags != level || !bytes.Equal(m.EngineID, identity.ID) || m.Boots != 1 || m.Time > 60 {
			t.Errorf("trap: %+v, %v", m.Header3, err)
		}
		var seen []snmp.Header3
		ctx, enough := context.WithCancel(t.Context())
		answer(t, sink, func(b []byte) []byte {
			m, _ := snmp.ParseMessage3(b)
			if seen = append(seen, m.Header3); len(seen) > 1 {
				enough()
				return nil
			}
			h := snmp.Header3{ID: m.ID, EngineID: []byte("receiver"), Boots: 7, Time: 1000}
			counter := snmp.AppendVarBind(nil, snmp.VarBind{Name: snmp.UnknownEngineID.OID(), Type: snmp.Counter32, Value: []byte{1}})
			return snmp.AppendMessage3(nil, &snmp.Message3{Header3: h, Data: snmp.AppendScopedPDU(nil, &snmp.ScopedPDU{
				ContextEngineID: h.EngineID, PDU: snmp.PDU{Type: snmp.Report, VarBinds: counter},
			})})
		})
		if _, err := s.Inform(ctx, &Notification{Trap: receivertest.WarmStart}); err == nil {
			t.Error("the inform was acknowledged")
		}
		sink.Close()
		if len(seen) != 2 {
			t.Fatalf("%d messages were sent", len(seen))
		}
		if d := seen[0]; d.Flags != snmp.FlagReportable || len(d.EngineID)+len(d.UserName) > 0 {
			t.Errorf("discovery: %+v", d)
		}
		if m := seen[1]; m.Flags != level|snmp.FlagReportable || string(m.EngineID) != "receiver" || m.Boots != 7 || m.Time < 1000 || m.ID == seen[0].ID {
			t.Errorf("inform: %+v", m)
		}
	}
}

// FuzzAnswers has the receiver answer with anything at all.
func FuzzAnswers(f *testing.F) {
	m := snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.Response, RequestID: 1}
	f.Add(snmp.AppendMessage(nil, &m))                                                                       // an acknowledgement
	f.Add(snmp.AppendMessage3(nil, &snmp.Message3{Header3: snmp.Header3{ID: 1, EngineID: make([]byte, 8)}})) // no scoped PDU
	f.Fuzz(func(t *testing.T, b []byte) {
		for i, a := range []access.Auth{receivertest.Community(2), receivertest.Credentials(peers.UsualUsers()[2])} {
			x := exchange{sender: newSender(t, receiverAt(t, "127.0.0.1", a), nil), pdu: snmp.PDU{RequestID: 1}, first: 1}
			if _, err := x.next(); err != nil {
				t.Fatal(err)
			}
			take := []func([]byte) (verdict, error){x.take, x.take3}[i]
			v, err := take(bytes.Clone(b))
			if (v == stray || v == refused) != (err != nil) {
				t.Errorf("verdict %d with %v", v, err)
			}
			if v == acknowledged && i == 1 {
				t.Error("acknowledged without a signature")
			}
		}
	})
}
