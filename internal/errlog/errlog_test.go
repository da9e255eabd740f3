package errlog

import (
	"errors"
	"log/slog"
	"testing"
)

// A message is noted by its error, which may have several lines, else by its text; informational ones are not noted.
func TestNotes(t *testing.T) {
	var got string
	l := slog.New(&Handler{Note: func(text string) { got += text + "\n" }}).With("set", "lists")
	l.Info("read")
	l.Error("unable to refresh", "err", errors.Join(errors.New("a.csv: no such file"), errors.New("b.csv: empty")))
	l.Warn("invalid record", "record", "x")
	want := "a.csv: no such file; b.csv: empty, set: lists\ninvalid record, set: lists, record: x\n"
	if got != want {
		t.Errorf("got %swant %s", got, want)
	}
}
