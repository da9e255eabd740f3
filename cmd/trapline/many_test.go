package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"trapline/internal/cli"
	"trapline/internal/peers"
)

// ran is the output of a command, and its exit status.
type ran struct {
	out, errs string
	status    int
}

// runProgram runs a command line of the program.
func runProgram(t testing.TB, args ...string) (r ran) {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), program(t), args...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return ran{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

const threeNames = "==> FIRST <==\nSNMPv2-MIB::sysName.0 = STRING: public\n\n==> SECOND <==\nSNMPv2-MIB::sysName.0 = STRING: public\n\n==> THIRD <==\nSNMPv2-MIB::sysName.0 = STRING: public\n"

// Several targets are asked at once or in turn, and their answers come under their names, in their order.
func TestPeersSeveralTargetsInOneCall(t *testing.T) {
	t.Parallel()
	s := peers.StartSnmpsimd(t, recordingsNamed("public"))
	closed, _ := peers.FreeUDPAddresses(t)
	addresses := s.Addresses[:]
	if s.Address6 != "" {
		addresses = []string{s.Addresses[0], s.Address6, s.Addresses[2]}
	}
	want := strings.NewReplacer("FIRST", addresses[0], "SECOND", addresses[1], "THIRD", addresses[2]).Replace(threeNames)
	for _, args := range [][]string{{"get"}, {"get", "--sequential"}, {"walk"}, {"walk", "--sequential"}} {
		name := map[string]string{"get": "SNMPv2-MIB::sysName.0", "walk": "SNMPv2-MIB::sysName"}[args[0]]
		if r := runProgram(t, append(args, strings.Join(addresses, ","), name)...); r != (ran{want, "", 0}) {
			t.Errorf("%q: %+v, want\n%s", args, r, want)
		}
		r := runProgram(t, append(args, addresses[0]+","+closed+","+addresses[2], name)...)
		if !strings.HasSuffix(r.out, "==> "+addresses[2]+" <==\nSNMPv2-MIB::sysName.0 = STRING: public\n") || !strings.HasPrefix(r.out, "==> "+addresses[0]+" <==\nSNMPv2-MIB::sysName.0") ||
			r.status != 1 || !strings.Contains(r.errs, "connection refused: nothing listens on UDP port "+closed[strings.LastIndex(closed, ":")+1:]) || !strings.Contains(r.errs, "1 of 3 targets failed") {
			t.Errorf("%q with one that is not there: %+v", args, r)
		}
	}
	if r := runProgram(t, "get", addresses[0]+",", "SNMPv2-MIB::sysName.0"); r.status == 0 || !strings.Contains(r.errs, `names an empty target: write HOST, or HOST,HOST`) {
		t.Errorf("an empty target: %+v", r)
	}
}

func recordingsNamed(names ...string) map[string]string {
	all := map[string]string{}
	for _, n := range names {
		all[n] = "1.3.6.1.2.1.1.5.0|4|" + n + "\n"
	}
	return all
}

// In turn, no target is asked before the one before it has answered or was given up.
func TestSequentialTargetsFollowEachOther(t *testing.T) {
	t.Parallel()
	silent, second := newHole(t), newHole(t)
	r := runProgram(t, "get", "--sequential", "-t", "0.05", "-r", "1", silent.address+","+second.address, "1.3.6.1.2.1.1.5.0")
	if r.status != 1 || silent.settled(t) != 2 || second.settled(t) != 2 {
		t.Errorf("%+v: %d and %d requests", r, silent.settled(t), second.settled(t))
	}
	if first := silent.last.Load(); first >= second.first.Load() {
		t.Errorf("the second target was asked before the first was given up")
	}
}

const loop = `1.3.6.1.2.1.1.5.0|4|loop
1.3.6.1.2.1.2.2.1.1.1|2|1
1.3.6.1.2.1.2.2.1.1.2|2|2
1.3.6.1.2.1.2.2.1.1.3|2|3
1.3.6.1.2.1.2.2.1.2.1|4|a
1.3.6.1.2.1.2.2.1.2.2|4|b
1.3.6.1.2.1.2.2.1.2.3|4|c
`

// Limits that the user sets end a walk without an error.
func TestPeersLimitsOfWalks(t *testing.T) {
	t.Parallel()
	s := peers.StartSnmpsimd(t, map[string]string{"public": loop})
	address := s.Addresses[0]
	rows := strings.SplitAfter(runProgram(t, "walk", "-O", "n", address, "1.3.6.1.2.1.2.2.1").out, "\n")
	if len(rows) != 7 {
		t.Fatalf("the whole walk: %q", rows)
	}
	for _, test := range []struct {
		args []string
		rows int
		said string
	}{
		{[]string{"--max-rows", "2"}, 2, address + ": the walk of 1.3.6.1.2.1.2.2.1 ends after 1.3.6.1.2.1.2.2.1.1.2: more than 2 rows\n"},
		{[]string{"--max-rows", "6"}, 6, ""},
		{[]string{"--max-requests", "1", "--repetitions", "4"}, 4, address + ": the walk of 1.3.6.1.2.1.2.2.1 ends after 1.3.6.1.2.1.2.2.1.2.1: more than 1 requests\n"},
		{[]string{"--max-requests", "3", "--repetitions", "4"}, 6, ""},
	} {
		want := ran{strings.Join(rows[:test.rows], ""), test.said, 0}
		if r := runProgram(t, append(append([]string{"walk"}, test.args...), address, "1.3.6.1.2.1.2.2.1")...); r != want {
			t.Errorf("%q: %+v, want %+v", test.args, r, want)
		}
	}
}

// A target that only a server knows is walked by that, up to so many rows; flags that the server does not have are not ignored.
func TestPeersLimitsOfWalksOfAServer(t *testing.T) {
	t.Parallel()
	s := peers.StartSnmpsimd(t, map[string]string{"public": loop})
	base := startServer(t, fmt.Sprintf("auths: {public: {}}\ntargets: [{name: box, address: %q, auth: public, interval: 1h}]\n", s.Addresses[0]))
	if r := runProgram(t, "walk", "--url", base, "--max-rows", "2", "-O", "n", "box", "1.3.6.1.2.1.2.2.1"); r.status != 0 || strings.Count(r.out, "\n") != 2 || !strings.Contains(r.errs, "box: the walk of 1.3.6.1.2.1.2.2.1 ends after 2 rows\n") {
		t.Errorf("%+v", r)
	}
	if r := runProgram(t, "walk", "--url", base, "--to-end", "box", "1.3.6.1.2.1.2.2.1"); r.status != cli.ExitUsage || !strings.Contains(r.errs, "without --to-end, --max-requests and --allow-nonincreasing: write "+s.Addresses[0]+" to walk it from here") {
		t.Errorf("%+v", r)
	}
}

// A walk that finds nothing says so on standard error, and is no failure: snmpwalk has it so.
func TestPeersEmptyWalk(t *testing.T) {
	t.Parallel()
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	want := ran{"", snmpd.Address + " has no objects below 1.3.6.1.4.1.99999, or does not show them\n", 0}
	if r := runProgram(t, "walk", snmpd.Address, "1.3.6.1.4.1.99999"); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	peers.NetSNMP(t, "snmpwalk", "-v2c", "-c", "public", snmpd.Address, "1.3.6.1.4.1.99999") // fails the test if it fails
}
