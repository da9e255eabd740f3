package alertmanager

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// extremes are values of JSON that silences may have in any place.
var extremes = []string{
	`"0000-01-01T00:00:00Z"`, `"0000-01-01T00:00:00+23:59"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999999999Z"`, `"9999-12-31T23:59:59-23:59"`, `"2262-04-12T00:00:00Z"`,
	`"10000-01-01T00:00:00Z"`, `"2026-02-30T00:00:00Z"`, `""`, `null`, `0`, `-1`, `1e999`, `{}`, `[]`, `[null]`, `[[]]`, `true`, `"\u0000\u001b[2J"`, `"\ud800"`, "\"\xff\xfe\"", `"` + strings.Repeat("a", 70_000) + `"`,
	`[{"name":"","value":"x"}]`, `[{"name":"a","value":"(","isRegex":true}]`, `[{"name":"a","value":"(x{1000}){1000}","isRegex":true}]`, `[{"name":"a","value":"(a*)*b","isRegex":true}]`,
	`[{"name":"a","value":"","isRegex":false}]`, `[{"name":"\u202e","value":"\n","isRegex":false,"isEqual":true}]`, `[{"name":"site","value":"x","isRegex":false,"isEqual":false},{"name":"b","value":"y"}]`,
	`{"until_clear":"true"}`, `{"a":null}`, strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
}

// hostileSilence returns a silence with some values that are extreme.
func hostileSilence(random *rand.Rand, id string) string {
	now := time.Now().UTC()
	fields := map[string]string{
		"matchers": fmt.Sprintf(`[{"name":"site","value":"s%d","isRegex":false}]`, random.IntN(5)), "startsAt": fmt.Sprintf("%q", now.Format(time.RFC3339)),
		"endsAt": fmt.Sprintf("%q", now.Add(time.Hour).Format(time.RFC3339)), "createdBy": `"a"`, "comment": `"b"`, "annotations": `{}`,
	}
	if random.IntN(2) == 0 {
		fields["id"] = fmt.Sprintf("%q", id)
	}
	names := []string{"matchers", "startsAt", "endsAt", "createdBy", "comment", "annotations", "id", "unknown", "status", "updatedAt"}
	for range random.IntN(4) {
		fields[names[random.IntN(len(names))]] = extremes[random.IntN(len(extremes))]
	}
	var parts []string
	for name, value := range fields {
		parts = append(parts, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(parts, ",") + "}" + []string{"", "", "garbage", "{}"}[random.IntN(4)]
}

// Whatever is posted, the answers are JSON, no error is ours, and all silences that were accepted can be read.
func TestHostileSilences(t *testing.T) {
	t.Parallel()
	do := served(t)
	random := rand.New(rand.NewPCG(7, 7))
	known := map[string]bool{}
	id := ""
	for n := range 400 {
		body := hostileSilence(random, id)
		code, text := do(http.MethodPost, "/api/v2/silences", body)
		if code >= 500 || !json.Valid([]byte(text)) {
			t.Fatalf("%d: %.200s: %d %s", n, body, code, text)
		}
		if code == http.StatusOK {
			var given struct{ SilenceID string }
			if err := json.Unmarshal([]byte(text), &given); err != nil || given.SilenceID == "" {
				t.Fatal(err, text)
			}
			id = given.SilenceID
			known[id] = true
		}
		if n%20 > 0 {
			continue
		}
		var list []struct{ ID string }
		if _, text := do(http.MethodGet, "/api/v2/silences", ""); json.Unmarshal([]byte(text), &list) != nil {
			t.Fatalf("after %.300s the list is no JSON: %.200s", body, text)
		}
		if len(list) != len(known)+1 { // that of served
			t.Fatalf("%d of %d silences are listed", len(list), len(known)+1)
		}
	}
	if len(known) < 50 {
		t.Errorf("only %d silences were accepted", len(known))
	}
	for id := range known {
		if code, text := do(http.MethodDelete, "/api/v2/silence/"+id, ""); code != http.StatusOK {
			t.Fatal(code, text)
		}
	}
}

// Whatever is asked for, the answer is JSON and no error is ours.
func TestHostileQuestions(t *testing.T) {
	t.Parallel()
	do := served(t)
	large := strings.Repeat("(x?){500}", 900)
	for _, query := range []string{"alerts?receiver=", "alerts/groups?receiver=", "alerts?filter=a=~", "silences?filter=a!~"} {
		if code, text := do(http.MethodGet, "/api/v2/"+query+url.QueryEscape(large), ""); code != http.StatusBadRequest || !strings.Contains(text, "too large") {
			t.Errorf("%s: %d %.200s", query, code, text)
		}
	}
	if code, text := do(http.MethodPost, "/api/v2/silences", strings.Replace(silenceOfSite("berlin", time.Hour), `"berlin", "isRegex": false`, `"`+large+`", "isRegex": true`, 1)); code != http.StatusBadRequest || !strings.Contains(text, "too large") {
		t.Errorf("%d %.200s", code, text)
	}
	values := []string{"", "true", "TRUE", "\x00", "\xff", "(", "a=~(", `a="`, `{`, `{}`, `a="b",,`, `=x`, `a=~"(x{1000}){1000}"`, strings.Repeat("a=b,", 5000), `"\u202e"="x"`, "日本=~.*"}
	for _, path := range []string{"/api/v2/status", "/api/v2/receivers", "/api/v2/alerts", "/api/v2/alerts/groups", "/api/v2/silences", "/api/v2/silence/%00", "/api/v2/silence/..%2f..", "/api/v2/silence/" + strings.Repeat("a", 100_000)} {
		for _, name := range []string{"filter", "receiver", "active", "silenced", "inhibited", "expired", "muted"} {
			for _, value := range values {
				for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, "BREW"} {
					code, text := do(method, path+"?"+name+"="+url.QueryEscape(value), "")
					if code >= 500 || code == http.StatusOK && !json.Valid([]byte(text)) {
						t.Fatalf("%s %s %s=%.40q: %d %.200s", method, path, name, value, code, text)
					}
				}
			}
		}
	}
}
