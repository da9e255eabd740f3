package api

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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

// A MIB is listed with the OID and the date of its MODULE-IDENTITY, and both lead to the same object.
func TestMIBsAreListedByTheirIdentity(t *testing.T) {
	a := New(Options{Names: func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }})
	list, err := a.Objects(ObjectQuery{Limit: maxObjects})
	if err != nil || len(list.Objects) < 100 {
		t.Fatalf("%d MIBs: %v", len(list.Objects), err)
	}
	for _, m := range list.Objects {
		if m.Kind == "module" { // of SMIv1, or one of macros alone
			if m.OID != "" || m.LastUpdated != "" {
				t.Errorf("%+v", m)
			}
			continue
		}
		if _, err := time.Parse(time.DateOnly, m.LastUpdated); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if o, err := a.Object(m.OID); err != nil || o.OID != m.OID || m.Kind != "module identity" {
			t.Errorf("%+v: %+v %v", m, o, err)
		}
		if o, err := a.Object(m.Name); err != nil || o.OID != m.OID || o.LastUpdated != m.LastUpdated || o.Kind != m.Kind {
			t.Errorf("%+v: %+v %v", m, o, err)
		}
	}
}
