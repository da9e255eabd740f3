package alerting

import (
	"testing"

	"trapline/internal/api"
	"trapline/internal/journal"
)

func TestUnknownKindOfEvents(t *testing.T) {
	for _, q := range []api.EventQuery{{Kind: "foo"}, {Text: "kind=foo"}} {
		if _, err := journalQuery(&q); err == nil {
			t.Errorf("%+v: no error", q)
		}
	}
	for _, kind := range journal.Kinds {
		for _, q := range []api.EventQuery{{Kind: kind}, {Text: "kind=" + kind}} {
			if _, err := journalQuery(&q); err != nil {
				t.Errorf("%+v: %v", q, err)
			}
		}
	}
}
