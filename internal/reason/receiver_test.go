package reason

import (
	"strings"
	"testing"

	"trapline/internal/access"
)

// Whatever keeps a receiver from acknowledging has a text and a remedy, and no fact is left open or is about a device.
func TestWordsOfReceiversAreComplete(t *testing.T) {
	reasons := []access.Reason{"", "unheard_of"}
	for reason := range table {
		reasons = append(reasons, reason)
	}
	for reason := range receivers {
		reasons = append(reasons, reason)
	}
	for i, reason := range append(reasons, reasons...) {
		w := OfReceiver(&Facts{Webhook: i < len(reasons), Reason: reason, Host: "192.0.2.9", Port: "162", Auth: "secure", User: "monitor", Requests: 3, Detail: "no such file"})
		if w.Text == "" || w.Remedy == "" || strings.ContainsAny(w.Text+w.Remedy, "{}") || w.Reason != reason {
			t.Errorf("%s: %+v", reason, w)
		}
	}
	for reason := range webhooks {
		if w := OfReceiver(&Facts{Reason: reason, Webhook: true}); strings.Contains(w.Text+w.Remedy, "SNMP") || strings.Contains(w.Text+w.Remedy, "auth ") {
			t.Errorf("of a webhook, %s is about SNMP: %+v", reason, w)
		}
	}
	for reason := range receivers {
		if w := OfReceiver(&Facts{Reason: reason}); strings.Contains(w.Text+w.Remedy, "device") {
			t.Errorf("%s is about a device: %+v", reason, w)
		}
	}
}
