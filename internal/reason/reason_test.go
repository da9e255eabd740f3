package reason

import (
	"strings"
	"testing"
	"time"

	"trapline/internal/access"
	"trapline/internal/human"
)

func everything(r access.Reason, part bool) *Facts {
	return &Facts{
		Reason: r, Part: part, Target: "core-1", Address: "udp:core-1.example.net:1161", Host: "core-1.example.net", Port: "1161", Auth: "secure", User: "monitor",
		Level: "authPriv", Context: "vlan-7", Requests: 4, Took: 8 * time.Second, Interval: time.Minute, Timeout: 5 * time.Second,
		Arrived: 40, Columns: 52, Table: "ipNetToMediaPhysAddress", Row: "1.10.0.0.1", Detail: "more than 100000 rows",
	}
}

// Each reason has words of its own, for the whole target or a part of it, and the next step; no name stays unfilled.
func TestEveryReasonHasWords(t *testing.T) {
	texts := map[string]access.Reason{}
	for _, r := range access.Reasons {
		if _, ok := table[r]; !ok {
			t.Errorf("%s has no words", r)
			continue
		}
		for _, part := range []bool{false, true} {
			w := Of(everything(r, part))
			for _, text := range []string{w.Text, w.Remedy, w.First()} {
				if text == "" || strings.ContainsAny(text, "{}") {
					t.Errorf("%s (part: %v): %q", r, part, text)
				}
			}
			if !strings.HasSuffix(w.Text, ".") || !strings.HasSuffix(w.Remedy, ".") {
				t.Errorf("%s: no sentence: %q, %q", r, w.Text, w.Remedy)
			}
			if other, taken := texts[w.Text]; taken && other != r && !(alike[r] && alike[other]) {
				t.Errorf("%s and %s have the same text %q", r, other, w.Text)
			}
			texts[w.Text] = r
		}
	}
	if len(table) != len(access.Reasons) {
		t.Errorf("%d reasons have words, there are %d", len(table), len(access.Reasons))
	}
}

// alike are reasons that mean the same to the user: a part in error_status and in too_many is said in the error's words.
var alike = map[access.Reason]bool{access.Canceled: true, access.Deadline: true, access.ErrorStatus: true, access.TooMany: true}

// Without facts there are words all the same.
func TestWordsNeedNoFacts(t *testing.T) {
	for _, r := range access.Reasons {
		for _, part := range []bool{false, true} {
			if w := Of(&Facts{Reason: r, Part: part}); w.Text == "" {
				t.Errorf("%s: no text", r)
			}
		}
	}
	if w := Of(&Facts{Reason: "of tomorrow", Detail: "x"}); w.Text != "The poll failed: x." {
		t.Errorf("%q", w.Text)
	}
}

func TestCutKeepsCharactersWhole(t *testing.T) {
	w := Words{Text: strings.Repeat("é", 60) + "."}
	for most := range 121 {
		got := w.Cut(most)
		if strings.ContainsRune(got, '\uFFFD') || len(got) > max(most, len("…")) {
			t.Errorf("%d: %q", most, got)
		}
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		3140 * time.Microsecond: "3.1 ms", 84 * time.Millisecond: "84 ms", 8 * time.Second: "8 s", 9400 * time.Millisecond: "9.4 s",
		41 * time.Minute: "41 min", 3 * time.Hour: "3 h", 212 * 24 * time.Hour: "212 d", 0: "0 ms",
	} {
		if got := human.Duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
