package alerting

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"trapline/internal/api"
	"trapline/internal/journal"
)

// Few search the journal for words at once: queries without words go on meanwhile.
func TestSearchesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, err := journal.Open(journal.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		j.Note(journal.Event{Kind: journal.Reload, Text: "reload"})
		a := New(nil, nil, nil, j)
		for range maxSearches {
			a.searching <- struct{}{}
		}
		if _, err := a.Events(api.EventQuery{Text: "reload"}); !errors.Is(err, api.ErrBusy) {
			t.Errorf("one more than %d: %v", maxSearches, err)
		}
		if list, err := a.Events(api.EventQuery{}); err != nil || len(list) != 1 {
			t.Errorf("without words: %v, %v", list, err)
		}
		<-a.searching
		for range 2 * maxSearches {
			if list, err := a.Events(api.EventQuery{Text: "reload"}); err != nil || len(list) != 1 {
				t.Errorf("in its turn: %v, %v", list, err)
			}
		}
	})
}
