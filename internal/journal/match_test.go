package journal

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"trapline/internal/alarm"
	"trapline/internal/mute"
)

// trickyText is text that looks like parts of a line.
func trickyText(random *rand.Rand) string {
	parts := []string{`"`, `\`, `,"labels":{`, `"site":"a"`, "site", "kind", "rule", "e", "a", "b", ":", "{", "}", "<&>", "ü", " "}
	var b strings.Builder
	for range random.IntN(5) {
		b.WriteString(parts[random.IntN(len(parts))])
	}
	return b.String()
}

var labelNames = []string{"site", "kind", "rule", "receiver", `si"e`, "e", `a\`, "reason", "ifName"}

func trickyEntry(random *rand.Rand) Event {
	e := Event{
		Seq: 1, At: begin, Kind: trickyText(random), Alarm: trickyText(random), Rule: trickyText(random), Target: trickyText(random), Resource: trickyText(random),
		Severity: trickyText(random), Receiver: trickyText(random), Event: trickyText(random), Reason: trickyText(random), Text: trickyText(random),
	}
	for range random.IntN(3) {
		e.Behind = append(e.Behind, trickyText(random))
	}
	for _, name := range labelNames {
		if random.IntN(3) == 0 {
			if e.Labels == nil {
				e.Labels = map[string]string{}
			}
			e.Labels[name] = trickyText(random)
		}
	}
	return e
}

// matchedNames are the names of labels that entries may have, and one that none has.
func matchedNames() []string {
	return append([]string{"alertname", "target", "severity", "alarm", "resource", "event", "notification", "none"}, labelNames...)
}

// randomMatcher is a matcher of a label that an entry has with a value, of another value or by an expression.
func randomMatcher(t *testing.T, random *rand.Rand, name, value string) *mute.Matcher {
	t.Helper()
	if random.IntN(3) == 0 {
		value = trickyText(random)
	}
	m, err := mute.ParseMatcher(name, []string{"=", "!="}[random.IntN(2)], value)
	if random.IntN(2) == 0 {
		m, err = mute.ParseMatcher(name, []string{"=~", "!~"}[random.IntN(2)], []string{".*a.*", "", ".+", `.*"`, "a|b|site"}[random.IntN(5)])
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A matcher finds in a line, without decoding it, the value that the entry has.
func TestMatchersReadLines(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(9, 9))
	names := matchedNames()
	matched := 0
	for range 20_000 {
		e := trickyEntry(random)
		line := e.AppendLine(nil)
		if want, err := json.Marshal(&e); err != nil || string(want)+"\n" != string(line) {
			t.Fatalf("%v: %s is %s", err, want, line)
		}
		line = line[:len(line)-1]
		name := names[random.IntN(len(names))]
		m := randomMatcher(t, random, name, e.Label(name))
		want := m.Matches(e.Label(name))
		if got := newCondition(m).matches(line); got != want {
			t.Fatalf("%s of %s: %v, want %v", m, line, got, want)
		}
		if want {
			matched++
		}
	}
	if matched < 5000 || matched > 15_000 {
		t.Errorf("%d of 20,000 match", matched)
	}
}

// randomMatchers are matchers of few names and values.
func randomMatchers(t *testing.T, random *rand.Rand) (list mute.Matchers) {
	t.Helper()
	for range 1 + random.IntN(2) {
		name := []string{"alertname", "target", "kind", "receiver", "site", "severity", "ifName"}[random.IntN(7)]
		value := []string{"PortDown", "core-1", "raised", "nms-1", "b", "", "Gi3", "core-.*|nms-.*|b|Gi.", "raised|cleared"}[random.IntN(9)]
		m, err := mute.ParseMatcher(name, []string{"=", "!=", "=~", "!~"}[random.IntN(4)], value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// The labels of an entry are bounded.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	a := &alarm.Alarm{Rule: "Hot", Labels: map[string]string{"alertname": "Hot", "target": "core-1"}}
	for i := range 10 * maxLabels {
		a.Labels[fmt.Sprintf("l%04d", i)] = "x"
	}
	e := OfAlarm(Raised, a)
	if len(e.Labels) != maxLabels || e.Labels["l0000"] == "" || e.Labels["alertname"] != "" || e.Label("alertname") != a.Rule {
		t.Errorf("%d labels: %v", len(e.Labels), e.Labels)
	}
}
