package alertmanager

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Clients that post, change, end and read silences at once: each silence is there once, and ended if somebody ended it.
func TestSilencesOfManyClients(t *testing.T) {
	t.Parallel()
	do := served(t)
	var mu sync.Mutex
	ended := map[string]bool{}
	var all sync.WaitGroup
	for client := range 6 {
		all.Go(func() {
			for n := range 12 {
				code, text := do(http.MethodPost, "/api/v2/silences", silenceOfSite(fmt.Sprint("site", (client+n)%3), time.Hour))
				var given struct{ SilenceID string }
				if err := json.Unmarshal([]byte(text), &given); err != nil || code != http.StatusOK {
					t.Error(code, text)
					return
				}
				over := n%2 == 0
				mu.Lock()
				ended[given.SilenceID] = over
				mu.Unlock()
				if over {
					if code, text := do(http.MethodDelete, "/api/v2/silence/"+given.SilenceID, ""); code != http.StatusOK {
						t.Error(code, text)
					}
				}
				for _, path := range []string{"silences", "alerts", "alerts/groups", "silence/" + given.SilenceID} {
					if code, text := do(http.MethodGet, "/api/v2/"+path, ""); code != http.StatusOK || !json.Valid([]byte(text)) {
						t.Error(path, code, text)
					}
				}
			}
		})
	}
	all.Wait()
	var list []silence
	if _, text := do(http.MethodGet, "/api/v2/silences", ""); json.Unmarshal([]byte(text), &list) != nil {
		t.Fatal(text)
	}
	if len(list) != len(ended)+1 { // that of served
		t.Errorf("%d of %d silences", len(list), len(ended)+1)
	}
	for i := range list {
		if over, ours := ended[list[i].ID]; ours && over != (list[i].Status.State == "expired") {
			t.Errorf("%+v, ended: %v", list[i], over)
		}
	}
}
