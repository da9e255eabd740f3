package ownmib

import (
	"fmt"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/outbox/standing"
	"trapline/internal/snmp"
)

var enterprise = snmp.MustParseOID("1.3.6.1.4.1.32473")

// standings returns active alarms of two receivers.
func standings(n int) (list []standing.Standing) {
	for i := range n {
		a := alarm.Alarm{
			ID: alarm.ID("", "PortDown", fmt.Sprint(i), nil), Number: uint64(3*i + 1), Rule: "PortDown", Target: fmt.Sprintf("sw-%d", i/48), Severity: alarm.Major,
			Resource: fmt.Sprintf("ifName=Gi0/%d", i%48), Summary: fmt.Sprintf("Gi0/%d of sw-%d is down", i%48, i/48), Description: "The port was up and is down now", Value: "2",
			Labels: map[string]string{"alertname": "PortDown", "severity": "major", "site": "berlin", "ifName": fmt.Sprintf("Gi0/%d", i%48)}, RaisedAt: time.Unix(1_800_000_000, 0),
		}
		s := standing.Standing{Alarm: a}
		for _, name := range []string{"nms-1", "nms-2"} {
			s.Receivers = append(s.Receivers, standing.Known{Receiver: name, Progress: standing.Acknowledged, Event: fmt.Sprintf("de8c-1-%d", i), At: a.RaisedAt})
		}
		list = append(list, s)
	}
	return list
}

func source(n int) *Source {
	list := standings(n)
	return &Source{
		Version: "1.0", Name: "nms", Enterprise: enterprise,
		Identity: originator.NewIdentity([]byte("\x80\x00\x00\x00\x05engine"), 7, time.Now(), nil),
		Alarms:   func() []standing.Standing { return list }, Receivers: func() []standing.ReceiverState { return nil },
	}
}

func BenchmarkSnapshot(b *testing.B) {
	s := source(10_000)
	b.ReportAllocs()
	for b.Loop() {
		s.objects(time.Now())
	}
}

// A walk of all objects by GETBULK, with one snapshot.
func BenchmarkWalk(b *testing.B) {
	objects := source(10_000).objects(time.Now())
	b.ReportAllocs()
	for b.Loop() {
		walk(b, objects, 30)
	}
}
