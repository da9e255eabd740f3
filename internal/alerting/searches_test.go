package alerting

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/journal"
	"trapline/internal/mute"
)

// Few look through the alarms with expressions at once, and no one for long: queries of values go on meanwhile.
func TestSearchesOfAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(nil, nil, nil, nil)
		for range maxSearches {
			a.searching <- struct{}{}
		}
		for _, state := range []string{alarmRaised, alarmPending} {
			if _, err := a.Alarms(api.AlarmQuery{State: state, Match: []string{`site=~"b.*"`}}); !errors.Is(err, api.ErrBusy) {
				t.Errorf("one more than %d: %v", maxSearches, err)
			}
			if _, err := a.Alarms(api.AlarmQuery{State: state, Text: "site=berlin"}); err != nil {
				t.Errorf("without expressions: %v", err)
			}
		}
		<-a.searching
		looked := 0
		matchers, err := mute.Parse(`site=~"b.*"`)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.bounded(matchers, func(*alarm.Alarm) bool {
			looked++
			time.Sleep(time.Second)
			return true
		}, func(wanted func(*alarm.Alarm) bool) []api.Alarm {
			for range 100 {
				wanted(&alarm.Alarm{})
			}
			return nil
		})
		if !errors.Is(err, api.ErrBadRequest) || looked > 1+int(searchTime/time.Second) {
			t.Errorf("%d alarms were looked at: %v", looked, err)
		}
		if _, err := a.Alarms(api.AlarmQuery{Match: []string{`site=~"b.*"`}}); err != nil {
			t.Errorf("in its turn: %v", err)
		}
	})
}

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
