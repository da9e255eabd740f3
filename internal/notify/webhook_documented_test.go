package notify

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"testing"
	"time"

	"trapline/internal/alarm"
)

// The webhook in docs/reference/messages.md must equal the one sent.
func TestWebhookIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/messages.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("there is no block of JSON")
	}
	e := &alarm.Event{ID: "4a1c-41-8810", Kind: alarm.Raise, Alarm: alarm.Alarm{
		ID: "9f2c4a1c41881000", Rule: "InterfaceDown", Target: "core-1", Severity: alarm.Major, Summary: "Gi0/3 of core-1 is down",
		Labels: map[string]string{"ifName": "Gi0/3"}, RaisedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}}
	sent, err := json.Marshal(webhookOf("chat", e))
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(block[1], &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(sent, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("sent is\n%s\nthe document has\n%s", sent, block[1])
	}
}
