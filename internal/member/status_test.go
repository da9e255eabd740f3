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

// Whoever replaces a voter reads, until the last member has restarted, what is left to do first, and how to undo it last.
func TestVotersThatDiffer(t *testing.T) {
	for voting, want := range map[string]string{
		"a b d": "The voters are a, b, d, and cluster.members of a has c in the place of d: write the list of the voters into its file and restart it. " +
			"For c to vote in the place of d, run trapline cluster replace d c.",
		"a b c d": "The voters are a, b, c, d, and cluster.members of a has no d: write the list of the voters into its file and restart it. " +
			"For d to vote no more, run trapline cluster replace d.",
		"a b": "The voters are a, b, and cluster.members of a has c too: a voter without data votes some seconds after its start.",
	} {
		if got := differing("a", strings.Fields(voting), []string{"a", "b", "c"}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
