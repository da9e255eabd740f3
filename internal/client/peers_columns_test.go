package client_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/peers"
	"trapline/internal/snmp"
)

// ragged is a recording of two tables whose columns end at different rows, one of them in the middle of
// the other's rows, and of one that has no rows.
func ragged() string {
	var text strings.Builder
	text.WriteString("1.3.6.1.2.1.1.5.0|4|ragged\n")
	for c, rows := range []int{40, 3, 0, 170, 1} {
		for r := range rows {
			fmt.Fprintf(&text, "1.3.6.1.2.1.2.2.1.%d.%d|2|%d\n", c+1, 7*r+1, 100*c+r)
		}
	}
	for r := range 90 {
		fmt.Fprintf(&text, "1.3.6.1.2.1.31.1.1.1.18.%d|4|%s\n", 2*r+1, strings.Repeat("x", r))
	}
	return text.String()
}

// wantEach compares the result of one poll of several roots with the result of Net-SNMP's walks of
// each root, in the first poll and in later ones that know the columns.
func wantEach(t *testing.T, x *client.Target, plan client.Plan, address, community string) {
	t.Helper()
	var want []string
	for _, root := range plan.Walk {
		want = append(want, netSNMPWalk(t, address, community, root.String())...)
	}
	if len(want) == 0 {
		t.Error("Net-SNMP sees nothing")
	}
	for range 3 {
		r := poll(t, x, plan)
		r.wantErrors(t)
		wantNames(t, r.names(), want)
	}
}

func TestPeersColumnsOfDifferentLengths(t *testing.T) {
	s := peers.StartSnmpsimd(t, map[string]string{"ragged": ragged()})
	plan := client.Plan{Walk: walkOf("1.3.6.1.2.1.2.2.1.1", "1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.2.2.1.3", "1.3.6.1.2.1.2.2.1.4",
		"1.3.6.1.2.1.2.2.1.5", "1.3.6.1.2.1.31.1.1.1.18", "1.3.6.1.2.1.31.1.1.1.19")}
	for _, auth := range []*access.Auth{community(1, "ragged"), community(2, "ragged"), authOf(shaAES)} {
		for _, params := range []client.Params{patient(3), patient(50), {}} { // the last: as many as fit
			t.Run(fmt.Sprint(auth.Version, params.MaxRepetitions != nil), func(t *testing.T) {
				plan := plan
				plan.Params = params
				x := target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: auth, Context: "ragged"})
				wantEach(t, x, plan, s.Addresses[0], "ragged")
			})
		}
	}
}

// Concurrent polls of one target, with common and with distinct objects, must not affect each
// other.
func TestPeersPollsOfOneTargetAtOnce(t *testing.T) {
	s := peers.StartSnmpsimd(t, map[string]string{"ragged": ragged()})
	x := target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: community(2, "ragged")})
	var polls sync.WaitGroup
	for _, roots := range [][]string{
		{"1.3.6.1.2.1.2.2.1.1", "1.3.6.1.2.1.2.2.1.4"}, {"1.3.6.1.2.1.2.2.1.4", "1.3.6.1.2.1.2.2.1.2"},
		{"1.3.6.1.2.1.2.2.1"}, {"1.3.6.1.2.1.31.1.1.1.18", "1.3.6.1.2.1.2.2.1.4", "1.3.6.1.2.1.2.2.1.3"},
	} {
		polls.Go(func() { wantEach(t, x, client.Plan{Walk: walkOf(roots...)}, s.Addresses[0], "ragged") })
	}
	polls.Wait()
}

// An agent that answers with less than it was asked for, to passes over tables that it is known for.
func TestPeersTruncatedAnswersInEveryPass(t *testing.T) {
	for name, config := range map[string]string{
		"three repetitions":   "maxGetbulkRepeats 3",
		"five varbinds":       "maxGetbulkResponses 5",
		"messages of 600":     "[snmp] sendMessageMaxSize 600",
		"both, and no octets": "maxGetbulkRepeats 3\nmaxGetbulkResponses 5\n[snmp] sendMessageMaxSize 484",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := peers.StartSnmpd(t, peers.SnmpdOptions{Config: config})
			x := target(t, client.Spec{Engine: tested, Address: s.Address})
			// Tables that do not change between two walks: sysORTable, those of users and of access rights.
			plan := client.Plan{Walk: walkOf("1.3.6.1.2.1.1.9.1.2", "1.3.6.1.2.1.1.9.1.3", "1.3.6.1.2.1.1.9.1.4", "1.3.6.1.6.3.15.1.2.2.1",
				"1.3.6.1.6.3.16.1.2.1.3", "1.3.6.1.6.3.16.1.4.1.4"), Params: patient(50)}
			wantEach(t, x, plan, s.Address, "public")
		})
	}
}

// Disorder is found in every pass, and goes unnoticed in none.
func TestPeersDisorderInEveryPass(t *testing.T) {
	s := peers.StartSnmpsimd(t, map[string]string{"loop": loop})
	x := target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: community(2, "loop")})
	for range 4 {
		r := poll(t, x, client.Plan{Walk: walkOf("1.3.6.1.2.1.1"), Params: patient(3)})
		r.wantErrors(t, "walk not_increasing 1.3.6.1.2.1.1 after 1.3.6.1.2.1.1.5.0")
		wantNames(t, r.names(), recordingNames(loop)[:3])
	}
}

// A walk ends with the row and with the request that the user set, says so, and is no shorter.
func TestPeersLimitsOfAWalk(t *testing.T) {
	const root = "1.3.6.1.2.1.2.2.1.1"
	s := peers.StartSnmpsimd(t, map[string]string{"device": device(100)})
	for _, version := range []int{1, 2} {
		x := target(t, client.Spec{Engine: tested, Address: s.Addresses[0], Auth: community(version, "device")})
		perRequest := 10
		if version == 1 {
			perRequest = 1
		}
		for _, test := range []struct{ maxRows, maxRequests, rows int }{
			{37, 0, 37}, {0, 4, 4 * perRequest}, {37, 4, min(37, 4*perRequest)}, {5, 4, min(5, 4*perRequest)},
			{100, 0, 100}, {0, 101, 100}, {1000, 1000, 100},
		} {
			plan := client.Plan{Walk: walkOf(root), Params: patient(10)}
			plan.Params.MaxRows, plan.Params.MaxRequests = test.maxRows, test.maxRequests
			for range 2 {
				r := poll(t, x, plan)
				if test.rows == 100 {
					r.wantErrors(t)
				} else {
					r.wantErrors(t, fmt.Sprintf("walk too_many %s after %s.%d", root, root, test.rows))
				}
				wantNames(t, r.names(), netSNMPWalk(t, s.Addresses[0], "device", root)[:test.rows])
				if test.maxRequests > 0 && r.stats.Packets > test.maxRequests {
					t.Errorf("%d requests, where %d are allowed", r.stats.Packets, test.maxRequests)
				}
			}
		}
	}
}

// SNMPv1 has no GETBULK, and none of its values is left out but those that it cannot carry.
func TestPeersVersion1(t *testing.T) {
	s := peers.StartSnmpsimd(t, map[string]string{"mixed": mixed})
	road := newRoad(t, s.Addresses[0])
	pdus := make(chan snmp.PDUType, 1000)
	watch := func(b []byte) []byte {
		m, err := snmp.ParseMessage(b)
		if err != nil {
			t.Error(err)
		}
		pdus <- m.PDU
		return b
	}
	road.there.Store(&watch)
	x := target(t, client.Spec{Engine: tested, Address: road.address, Auth: community(1, "mixed")})
	for range 2 {
		r := poll(t, x, client.Plan{Get: walkOf(sysName), Walk: walkOf("1"), Params: patient(50)})
		r.wantErrors(t)
		want := slices.DeleteFunc(netSNMPWalk(t, s.Addresses[0], "mixed", "1"), func(name string) bool {
			return strings.HasPrefix(name, "1.3.6.1.2.1.31.1.1.1.6.") // Counter64
		})
		wantNames(t, r.names(), append([]string{sysName}, want...))
	}
	for len(pdus) > 0 {
		if pdu := <-pdus; pdu != snmp.GetRequest && pdu != snmp.GetNextRequest {
			t.Errorf("a PDU of type %#x was sent", byte(pdu))
		}
	}
}
