package notify

import (
	"fmt"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestReceiversThatNoRuleReaches(t *testing.T) {
	for _, test := range []struct {
		receiver, words string
		want            string
	}{
		{"{labels: {severity: critical}}", "critical minor", ""},
		{"{labels: {severity: critical|page}}", "critical minor", ""},
		{"{labels: {severity: critcal}}", "critical minor", `no rule has a severity that "critcal" matches: did you mean critical?`},
		{"{labels: {severity: P1}}", "", `no rule has a severity that "P1" matches: use one of critical, major, minor, warning`},
		{"{labels: {severity: P1}}", "P1", ""},
		{"{labels: {severity: major}}", "", ""},
		{"{labels: {severity: major}}", "minor", `no rule has a severity that "major" matches: only alerts that Prometheus or Alertmanager sends can reach this receiver`},
		{"{labels: {severity: major}}", "minor {{$value}}", ""},
		{"{labels: {severity: ''}}", "minor -", ""},
		{"{labels: {severity: '('}}", "minor", ""},
		{"{min_severity: major}", "minor warning", "no rule has the severity major or a worse one: only alerts that Prometheus or Alertmanager sends can reach this receiver"},
		{"{min_severity: major}", "minor critical", ""},
		{"{min_severity: major}", "minor -", ""}, // without a severity it may be as bad
		{"{min_severity: major}", "", ""},
		{"{}", "minor", ""},
	} {
		var r ReceiverSettings
		if err := yaml.Unmarshal([]byte(test.receiver), &r); err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(test.words)
		for i, word := range words {
			words[i] = strings.TrimPrefix(word, "-") // which stands for none
		}
		got := ""
		for _, m := range r.Unreached(words) {
			got += fmt.Sprint(m.Text)
		}
		if got != test.want {
			t.Errorf("%s of %q: %q, want %q", test.receiver, words, got, test.want)
		}
	}
}
