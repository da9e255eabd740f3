package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"trapline/internal/notify"
	"trapline/internal/peers"
)

func TestOutboxIsShownRetriedAndDropped(t *testing.T) {
	t.Parallel()
	address, _ := peers.FreeUDPAddresses(t)
	base := startServer(t, notifying(t, t.TempDir(), fmt.Sprintf("- {name: late, address: %q}\n- {name: never, address: %q}\n", address, address)))
	insist(t, base+"/api/v1/webhook", alertsOf(7, 1, true))
	list := func() []notify.Waiting {
		t.Helper()
		body, err := ask(t.Context(), http.MethodGet, base+"/api/v1/outbox")
		if err != nil {
			t.Fatal(err)
		}
		var waiting []notify.Waiting
		if err := json.Unmarshal(body, &waiting); err != nil {
			t.Fatal(err)
		}
		return waiting
	}
	awaitMatch(t, base+"/api/v1/outbox", `"failing":\s*true(?s:.*)"failing":\s*true`)
	var b strings.Builder
	printWaiting(&b, list())
	if want := `^late: 2 waiting, 0 given up; fails, next try at \S+\n  \S+ \S+ resync   ""\n  \S+ \S+ raise Down device-7 "Down"\nnever: 2 waiting`; !regexp.MustCompile(want).MatchString(b.String()) {
		t.Errorf("printed\n%s", b.String())
	}
	if _, err := ask(t.Context(), http.MethodPost, base+"/api/v1/outbox/never/drop"); err != nil {
		t.Error(err)
	}
	if w := list(); len(w[0].Events) != 2 || len(w[1].Events) > 1 { // one may be on its way
		t.Errorf("%+v", w)
	}
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Address: address})
	if _, err := ask(t.Context(), http.MethodPost, base+"/api/v1/outbox/late/retry"); err != nil {
		t.Error(err)
	}
	d.Await(t, func() bool { return len(list()[0].Events) == 0 })
	_, err := ask(t.Context(), http.MethodPost, base+"/api/v1/outbox/nobody/retry")
	if want := base + `/api/v1/outbox/nobody/retry answers 404 Not Found: unknown receiver: "nobody"`; err == nil || err.Error() != want {
		t.Error(err)
	}
}

// Nothing is forgotten by a slip of the hand.
func TestDropWantsAWord(t *testing.T) {
	nobody, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	if err := confirm(nobody, "nms"); err == nil || err.Error() != "what waits for nms is forgotten for good: write --yes where nobody can be asked" {
		t.Error(err)
	}
	silent, err := os.Open(os.DevNull) // a device that says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := confirm(silent, "nms"); err == nil || err.Error() != "nothing was forgotten" {
		t.Error(err)
	}
}
