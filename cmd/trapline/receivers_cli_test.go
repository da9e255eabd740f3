package main

import (
	"fmt"
	"strings"
	"testing"

	"trapline/internal/cli"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// Waiting notifications are shown, sent again and dropped, at a server that runs and a receiver that comes back.
func TestReceiversAreShownRetriedAndDropped(t *testing.T) {
	t.Parallel()
	address, _ := peers.FreeUDPAddresses(t)
	base := startServer(t, programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: late, address: %q}\n- {name: never, address: %q}\n", address, address)))
	insist(t, base+"/api/v1/webhook", alertsOf(7, 1, true))
	awaitMatch(t, base+"/api/v1/receivers", `"state":"fails"(?s:.*)"state":"fails"`)
	got := invoke(t, "receivers", "--url="+base)
	if lines := strings.Split(got.out, "\n"); got.status != 0 || len(lines) != 4 || !strings.HasPrefix(lines[1], "fails  late ") || !strings.HasPrefix(lines[2], "fails  never ") {
		t.Errorf("%+v", got)
	}
	got = invoke(t, "outbox", "show", "late", "--url="+base)
	if got.status != cli.ExitFailed || !strings.HasPrefix(got.out, "late  fails\n") || !strings.Contains(got.out, "Down") {
		t.Errorf("%+v", got)
	}
	if got := invoke(t, "receivers", "drop", "never", "--yes", "--url="+base); got.status != 0 || got.out+got.errs != "" {
		t.Errorf("%+v", got)
	}
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Address: address})
	if got := invoke(t, "receivers", "retry", "late", "--url="+base); got.status != 0 || got.out+got.errs != "" {
		t.Errorf("%+v", got)
	}
	d.Process.Await(t, func() bool { return invoke(t, "receivers", "show", "late", "--url="+base).status == 0 })
	got = invoke(t, "receivers", "test", "late", "--url="+base)
	if got.status != 0 || !strings.HasPrefix(got.out, "late: acknowledged in ") {
		t.Errorf("%+v", got)
	}
	if got := invoke(t, "notify", "test", "--to=late", "--url="+base); got.status != 0 || !strings.HasPrefix(got.out, "late: acknowledged in ") {
		t.Errorf("%+v", got)
	}
	if got := invoke(t, "receivers", "retry", "latte", "--url="+base); got.status != cli.ExitUsage || !strings.Contains(strings.ToLower(got.errs), "did you mean late?") {
		t.Errorf("%+v", got)
	}
}

// Nothing is dropped by a slip of the hand.
func TestDropWantsAWord(t *testing.T) {
	const want = "what waits for nms would be dropped for good: write --yes where nobody can be asked"
	if got := invoke(t, "receivers", "drop", "nms", "--url=http://127.0.65.1:1"); got.status != cli.ExitUsage || got.errs != want+"\n" {
		t.Errorf("%+v", got)
	}
	if got := invoke(t, "receivers", "drop", "nms", "--yes", "--url=http://127.0.65.1:1"); got.status != cli.ExitNoServer {
		t.Errorf("%+v", got)
	}
}
