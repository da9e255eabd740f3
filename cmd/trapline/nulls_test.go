package main

import (
	"cmp"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trapline/internal/api"
	"trapline/internal/peers"
)

// documentedRoutes are the routes of docs/api.md, which is made of the table of routes.
func documentedRoutes(t *testing.T) (routes [][2]string) {
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)^### `(GET|POST) (/api/v1/[^`]*)`").FindAllStringSubmatch(string(text), -1) {
		routes = append(routes, [2]string{m[1], m[2]})
	}
	if len(routes) < 20 {
		t.Fatalf("docs/api.md has %d routes", len(routes))
	}
	return routes
}

// nullField is a member of an object that has no value. Lists may have such elements: cells without a number.
var nullField = regexp.MustCompile(`"[a-zA-Z0-9_]+":null`)

// wantNoNulls asks for all documented paths, {name} and the like replaced by names of the server.
func wantNoNulls(t *testing.T, base string, names func(path string) string) (answered int) {
	t.Helper()
	bodies := map[string]string{"/api/v1/alarms/{id}/ack": `{"by": "me", "comment": "mine"}`, "/api/v1/rules/try": `{"expr": "g > 50"}`, "/api/v1/targets/{name}/why": `{"metric": "g"}`}
	for _, route := range documentedRoutes(t) {
		path := names(route[1])
		request, err := http.NewRequestWithContext(t.Context(), route[0], base+path, strings.NewReader(cmp.Or(bodies[route[1]], "{}")))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			answered++
		} else {
			t.Logf("%s %s: %d %.200s", route[0], path, response.StatusCode, text)
		}
		if found := nullField.FindAllString(string(text), -1); len(found) > 0 {
			slices.Sort(found)
			t.Errorf("%s %s has %q", route[0], path, slices.Compact(found))
		}
	}
	return answered
}

// A list without elements is [] in each answer of the API, and an object without members {}: of a server that has
// nothing, and of one that has targets, alarms and a receiver.
func TestNoListIsNull(t *testing.T) {
	if n := wantNoNulls(t, startServer(t, "auths: {public_v2: {}}\nmodules: {m: {get: [1.3.6.1.2.1.1.3.0]}}\n"), func(path string) string { return path }); n < 8 {
		t.Errorf("a server without anything answers %d routes", n)
	}
	nobody, _ := peers.FreeUDPAddresses(t)
	w := startWard(t, rand.New(rand.NewPCG(1, 1)), t.TempDir(), "- {name: nms, address: \""+nobody+"\"}\n")
	alarms := w.await()
	sent := slices.IndexFunc(alarms, func(a api.Alarm) bool { return !a.Baseline })
	names := func(path string) string {
		path = strings.NewReplacer("{id}", alarms[sent].ID, "targets/{name}/why", "targets/device-0/why?metric=g", "targets/{name}", "targets/device-0",
			"receivers/{name}", "receivers/nms", "mibs/{name}", "mibs/IF-MIB::ifTable", "modules/{name}", "modules/gauges").Replace(path)
		var tables struct {
			Tables []struct{ Name string }
		}
		if strings.Contains(path, "{table}") {
			if w.data("/api/v1/targets/device-0", &tables); len(tables.Tables) > 0 {
				path = strings.Replace(path, "{table}", tables.Tables[0].Name, 1)
			}
		}
		return path
	}
	if n, all := wantNoNulls(t, w.base, names), len(documentedRoutes(t)); n < all-3 { // nothing was sent that could be sent again, the rule of the alarm still has a result, and there is no list
		t.Errorf("%d of %d routes are answered", n, all)
	}
}
