package member

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"trapline/internal/api"
	"trapline/internal/cluster"
)

// How many voters answer is said of those of the engine: the configuration may still have one that was replaced, or others that
// do not vote yet.
func TestVotersThatAnswer(t *testing.T) {
	for _, test := range []struct{ voting, silent, want string }{
		{"a b c", "", ""},
		{"a b c", "c", "2 of 3 voters answer: with one less no alarm is stored or sent."},
		{"a b d", "c", ""},
		{"a b d", "b c", "2 of 3 voters answer: with one less no alarm is stored or sent."},
		{"a", "b c", ""},
		{"a b c d e", "c", ""},
		{"a b c d e", "b c", "3 of 5 voters answer: with one less no alarm is stored or sent."},
	} {
		m := &Member{name: "a", options: Options{Settings: &cluster.Settings{Members: []string{"a", "b", "c"}}}}
		s := cluster.Status{Session: 1, Voting: strings.Fields(test.voting), Silent: map[string]error{}}
		for _, name := range strings.Fields(test.silent) {
			s.Silent[name], s.Absent = errors.New("it is off"), append(s.Absent, name)
		}
		if got := m.details(&s, &api.Cluster{}); !slices.Equal(got, slices.DeleteFunc([]string{test.want}, func(text string) bool { return text == "" })) {
			t.Errorf("of %s are silent %s: %q, want %q", test.voting, test.silent, got, test.want)
		}
	}
}
