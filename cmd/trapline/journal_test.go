package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"trapline/internal/api"
	"trapline/internal/programtest"
)

// eventsOf are the events that a query finds, the newest first.
func eventsOf(t *testing.T, base, query string) []api.Event {
	t.Helper()
	_, _, body := get(t, base+"/api/v1/events?"+query)
	var answer struct{ Data []api.Event }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return answer.Data
}

// The journal has reloads, also those that were refused, and targets that stop answering.
func TestJournalOfReloadsAndTargets(t *testing.T) {
	t.Parallel()
	silent := newHole(t)
	text := programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: nms, address: %q}\n", silent.address)) + fmt.Sprintf("targets: [{name: dark, address: %q, modules: [uptime], interval: 1s}]\njournal: {max_age: 2d, max_bytes: 2MiB}\nglobal: {timeout: 50ms, retries: 0}\n", silent.address)
	r := startReloading(t, text)
	base := r.base
	await(t, base+"/api/v1/events?target=dark", `"kind":"target_state"`)
	if list := eventsOf(t, base, "kind=target_state"); len(list) != 1 || list[0].Value != "down" || list[0].Reason != "timeout" {
		t.Errorf("%+v", list)
	}
	reload := func(text string) {
		t.Helper()
		r.write(text)
		response, err := http.Post(base+"/-/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	reload(text + "no: such key\n")
	reload(text)
	await(t, base+"/api/v1/events?kind=reload", `"value":"accepted"`)
	if list := eventsOf(t, base, "kind=reload"); len(list) != 2 || list[1].Value != "refused" || !strings.Contains(list[1].Text, "no") {
		t.Errorf("%+v", list)
	}
}
