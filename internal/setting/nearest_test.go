package setting

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	words := []string{"a", "ifDescr", "ifAlias", "target", "targets", "top", "trap", "stop"}
	for _, test := range []struct{ name, want string }{
		{"ifDscr", "ifDescr"}, {"IFDESCR", "ifDescr"}, {"ifMtu", ""}, {"b", ""}, {"A", "a"}, {"", ""},
		{"targest", "targets"}, {"tragets", "targets"}, {"taregt", "target"}, {"tpo", "top"}, {"tarp", "trap"}, {"stop", "stop"}, {"dtop", "stop"},
	} {
		if got := Nearest(test.name, words); got != test.want {
			t.Errorf("%q: %q, want %q", test.name, got, test.want)
		}
	}
}

// A word in which two letters are exchanged, or one is left out, added or replaced, is nearest to the original word,
// unless another word is as near; and then to one of the same letters, else of the same length.
func TestNearestOfOneEdit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	letters := "abcdef"
	word := func() string {
		text := make([]byte, 3+random.IntN(6))
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		return string(text)
	}
	for range 3000 {
		words := make([]string, 20)
		for i := range words {
			words[i] = word()
		}
		meant := words[random.IntN(len(words))]
		name := misspelled(meant, random)
		near := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return distance(name, w) > 1 })
		if len(near) == 0 || slices.Contains(words, name) {
			continue
		}
		likest := slices.MaxFunc(near, func(a, b string) int { return alike(name, a) - alike(name, b) })
		if got := Nearest(name, words); !slices.Contains(near, got) || alike(name, got) != alike(name, likest) {
			t.Fatalf("%q, which was %q: %q, want one of %q such as %q", name, meant, got, near, likest)
		}
		if !slices.Contains(near, meant) {
			t.Fatalf("%q is not one edit from %q", name, meant)
		}
	}
}

// The distance is the same both ways, and 0 only to itself.
func TestDistanceIsSymmetric(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		a := misspelled(misspelled("administrative", random), random)
		b := misspelled("administrative", random)
		if d := distance(a, b); d != distance(b, a) || d == 0 != (a == b) || d > 6 {
			t.Fatalf("%q and %q: %d and %d", a, b, d, distance(b, a))
		}
	}
}

// misspelled is a word of one random edit.
func misspelled(word string, random *rand.Rand) string {
	i, letter := random.IntN(len(word)), string(rune('a'+random.IntN(26)))
	switch random.IntN(4) {
	case 0:
		return word[:i] + word[i+1:]
	case 1:
		return word[:i] + letter + word[i:]
	case 2:
		return word[:i] + letter + word[i+1:]
	}
	i = random.IntN(len(word) - 1)
	return word[:i] + word[i+1:i+2] + word[i:i+1] + word[i+2:]
}
