package api

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"trapline/internal/journal"
	"trapline/mibs"
)

// Few search the journal for words at once: what needs no search goes on meanwhile.
func TestSearchesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, err := journal.Open(journal.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		j.Note(journal.Entry{Kind: journal.Reload, Text: "reload"})
		a := New(Options{Journal: j})
		for range maxSearches {
			a.searching <- struct{}{}
		}
		if _, err := a.Events(EventQuery{Text: "reload"}); !errors.Is(err, ErrBusy) {
			t.Errorf("one more than %d: %v", maxSearches, err)
		}
		if list, err := a.Events(EventQuery{}); err != nil || len(list) != 1 {
			t.Errorf("without words: %v, %v", list, err)
		}
		<-a.searching
		for range 2 * maxSearches {
			if list, err := a.Events(EventQuery{Text: "reload"}); err != nil || len(list) != 1 {
				t.Errorf("in its turn: %v, %v", list, err)
			}
		}
	})
}

func TestQueriesOfMIBsHaveSoManyWords(t *testing.T) {
	a := New(Options{Names: func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }})
	if _, err := a.Objects(ObjectQuery{Text: strings.Repeat("e ", maxTerms)}); err != nil {
		t.Error(err)
	}
	if _, err := a.Objects(ObjectQuery{Text: strings.Repeat("e ", maxTerms+1)}); !errors.Is(err, ErrBadRequest) {
		t.Error(err)
	}
}
