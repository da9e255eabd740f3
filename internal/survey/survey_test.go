package survey

import (
	"net"
	"testing"
	"time"

	"trapline/internal/client"
	"trapline/internal/snmp"
)

// picky is a device that answers requests for several objects with tooBig, or not at all, and of single ones has the value
// of answer.
type picky struct {
	silent bool // about requests for several objects
	answer func(snmp.OID) (snmp.ErrorStatus, string)
}

func (p picky) serve(t *testing.T, address string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if m, err := snmp.ParseMessage(b[:n]); err == nil && m.Version == snmp.V2c {
				if answer := p.answered(&m); answer != nil {
					_, _ = conn.WriteTo(answer, from)
				}
			}
		}
	}()
	return conn.LocalAddr().String()
}

func (p picky) answered(m *snmp.Message) []byte {
	m.PDU, m.ErrorIndex = snmp.Response, 0
	if count, _ := snmp.CountVarBinds(m.VarBinds); count > 1 {
		m.ErrorStatus = snmp.TooBig
		if p.silent {
			return nil
		}
		return snmp.AppendMessage(nil, m)
	}
	v, _, err := snmp.CutVarBind(m.VarBinds)
	if err != nil {
		return nil
	}
	status, text := p.answer(v.Name)
	if m.ErrorStatus = status; status == snmp.NoError {
		m.VarBinds = snmp.AppendVarBind(nil, snmp.VarBind{Name: v.Name, Type: snmp.OctetString, Value: []byte(text)})
	}
	return snmp.AppendMessage(nil, m)
}

// A device that answers anything at all answers, whatever it makes of requests for several objects.
func TestSurveyAsksObjectByObject(t *testing.T) {
	both := func(o snmp.OID) (snmp.ErrorStatus, string) {
		return snmp.NoError, map[bool]string{true: "name", false: "descr"}[o.Compare(sysName) == 0]
	}
	only := func(oid snmp.OID, status snmp.ErrorStatus) func(snmp.OID) (snmp.ErrorStatus, string) {
		return func(o snmp.OID) (snmp.ErrorStatus, string) {
			if o.Compare(oid) == 0 {
				return both(o)
			}
			return status, ""
		}
	}
	for what, test := range map[string]struct {
		device      picky
		name, descr string
	}{
		"tooBig for two":            {picky{answer: both}, "name", "descr"},
		"silent about two":          {picky{silent: true, answer: both}, "name", "descr"},
		"a name alone":              {picky{answer: only(sysName, snmp.TooBig)}, "name", ""},
		"a description alone":       {picky{answer: only(sysDescr, snmp.GenErr)}, "", "descr"},
		"tooBig, whatever is asked": {picky{answer: func(snmp.OID) (snmp.ErrorStatus, string) { return snmp.TooBig, "" }}, "", ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e := client.New(client.Options{})
			defer e.Close()
			s := NewSurveyor(e, []Candidate{{Name: "public_v1", Auth: PublicAuth(1)}, {Name: "public_v2", Auth: PublicAuth(2)}}, 200*time.Millisecond, 0)
			got := s.Survey(t.Context(), test.device.serve(t, "127.0.22.2:0"))
			if got.By == nil || got.By.Name != "public_v2" || got.Name != test.name || got.Descr != test.descr || got.Err != nil {
				t.Errorf("%+v", got)
			}
		})
	}
}
