package contact

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// lines is a log handler that keeps messages with their attributes.
type lines struct{ all []string }

func (*lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "for" && a.Key != "after" {
			text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
		return true
	})
	l.all = append(l.all, text)
	return nil
}

func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *lines) WithGroup(string) slog.Handler      { return l }

// In random histories: what passes within half a lease is not reported, the same reason once a minute, another one at once, and
// that the voters answer again exactly if it was reported that they do not.
func TestReports(t *testing.T) {
	const lease = 5 * time.Second
	reasons := []map[string]error{
		{"a": errors.New("refused"), "b": errors.New("no such host")},
		{"a": errors.New("refused")},
		{},
	}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		log, silent, report := &lines{}, reasons[0], func() {}
		c := New(Config{Log: slog.New(log), Lease: lease, Silent: func(context.Context) map[string]error { return silent }, Go: func(f func()) { report = f }})
		now, since, reported, last, at := time.Hour, time.Duration(0), false, "", time.Duration(0)
		for range 200 {
			now += time.Duration(1+r.IntN(1500)) * time.Millisecond
			var err error
			limit := lease / 2
			switch r.IntN(8) {
			case 0:
			case 1:
				err, limit = &TakenError{Member: "a"}, 2*lease
			default:
				err = []error{context.DeadlineExceeded, errors.New("unavailable")}[r.IntN(2)] // of the same reason
				if r.IntN(10) == 0 {
					silent = reasons[r.IntN(len(reasons))]
				}
			}
			if r.IntN(3) > 0 && since != 0 && err == nil {
				continue // long failures too
			}
			before := len(log.all)
			report = func() {}
			c.Note(t.Context(), now, err)
			report()
			got := log.all[before:]
			if err == nil {
				if again := len(got) == 1 && strings.Contains(got[0], "answer again"); again != reported || len(got) > 1 {
					t.Fatalf("seed %d: reported %v, and at the end %q", seed, reported, got)
				}
				since, reported, last = 0, false, ""
				continue
			}
			if since == 0 {
				since = now
			}
			want := err.Error()
			if len(silent) > 0 && limit == lease/2 {
				want = fmt.Sprint(silent)
			}
			due := now-since >= limit && (want != last || now-at >= time.Minute)
			if due != (len(got) == 1) || len(got) > 1 {
				t.Fatalf("seed %d: after %v of failures, %v after the report of %q: %q", seed, now-since, now-at, last, got)
			}
			if due {
				reported, last, at = true, want, now
			}
			if taken := c.Taken() != ""; taken != (limit == 2*lease) {
				t.Fatalf("seed %d: taken is %v after %v", seed, taken, err)
			}
		}
	}
}
