package ownmib

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"trapline/internal/agent"
	"trapline/internal/snmp"
)

// walk walks all objects by GETBULK of one frame.
func walk(t testing.TB, objects agent.Objects, repetitions int32) (list []snmp.VarBind) {
	t.Helper()
	var r agent.Responder
	next := snmp.MustParseOID("0.0")
	for {
		response, ok := r.Respond(objects, snmp.V2c, &snmp.PDU{
			Type: snmp.GetBulkRequest, ErrorIndex: repetitions, VarBinds: snmp.AppendVarBind(nil, snmp.VarBind{Name: next, Type: snmp.Null}),
		}, 1400, 1)
		if !ok || response.ErrorStatus != snmp.NoError || len(response.VarBinds) == 0 || len(response.VarBinds) > 1400 {
			t.Fatalf("after %s: %+v", next, response)
		}
		for list2 := bytes.Clone(response.VarBinds); len(list2) > 0; {
			v, rest, err := snmp.CutVarBind(list2)
			if err != nil {
				t.Fatal(err)
			}
			if v.Type == snmp.EndOfMibView {
				return list
			}
			list, list2, next = append(list, v), rest, v.Name
		}
	}
}

// The tables, which make values when they are asked for, find what a recording of all their objects finds.
func TestTablesFindAsARecordingDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 40} {
		for _, base := range []string{"1.3.6.1.4.1.32473", "1.3.6.1.3.9", "1.3.1.5"} {
			s := source(n)
			s.Enterprise = snmp.MustParseOID(base)
			objects := s.objects(time.Now())
			var b agent.Builder
			for i := range objects.Len() {
				v, _, err := snmp.CutVarBind(objects.Append(nil, i, 1))
				if err != nil || !bytes.Equal(v.Name, objects.Name(i)) {
					t.Fatalf("%d: %s, %s, %v", i, v.Name, objects.Name(i), err)
				}
				b.Add(v.Name, v.Type, v.Value)
			}
			recording := b.Recording()
			if recording.Len() != objects.Len() {
				t.Fatalf("%d names of %d differ", recording.Len(), objects.Len())
			}
			for range 20_000 {
				name := mutated(r, objects.Name(r.IntN(objects.Len())))
				i, found := objects.Find(name)
				j, exists := recording.Find(name)
				if i != j || found != exists {
					t.Fatalf("%s: %d %v, want %d %v", name, i, found, j, exists)
				}
			}
			if got := walk(t, objects, 20); len(got) != recording.Len() {
				t.Fatalf("a walk has %d of %d objects", len(got), recording.Len())
			}
		}
	}
}

// mutated returns a name near another one.
func mutated(r *rand.Rand, name snmp.OID) snmp.OID {
	name = bytes.Clone(name)
	for range r.IntN(4) {
		switch r.IntN(4) {
		case 0:
			if p := name.Parent(); len(p) > 1 {
				name = p
			}
		case 1:
			name = snmp.AppendArc(name, r.Uint32()>>r.IntN(32))
		case 2:
			if p, last := name.CutLast(); len(p) > 1 {
				name = snmp.AppendArc(bytes.Clone(p), last+uint32(r.IntN(3))-1)
			}
		default:
			if p := name.Parent(); len(p) > 1 { // an arc of 35 bits
				name = append(bytes.Clone(p), 0x90, 0x80, 0x80, 0x80, byte(r.IntN(128)))
			}
		}
	}
	return name
}

// Alarms without numbers have some that do not change with other alarms, and rows are in order.
func TestAlarmsOfEarlierReleasesHaveNumbers(t *testing.T) {
	list := standings(30)
	for i := range list {
		if i%2 == 0 {
			list[i].Alarm.Number = 0
		}
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	of := map[string]uint32{}
	for i, number := range numbered(list) {
		of[list[i].Alarm.ID] = number
		if (list[i].Alarm.Number == 0) != (number >= oldNumbers) || list[i].Alarm.Number > 0 && uint64(number) != list[i].Alarm.Number {
			t.Errorf("alarm %d has the row %d", list[i].Alarm.Number, number)
		}
	}
	rest := list[10:]
	for i, number := range numbered(rest) {
		if of[rest[i].Alarm.ID] != number {
			t.Error(fmt.Errorf("%d became %d", of[rest[i].Alarm.ID], number))
		}
	}
}
