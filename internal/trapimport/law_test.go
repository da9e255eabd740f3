package trapimport

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"go.yaml.in/yaml/v2"
)

// imported are the sections that are made.
type imported struct {
	Auths  map[string]map[string]string
	Listen map[string][]string
	Rules  []struct {
		Alert, On, Expires  string
		Match               map[string]string
		Labels, Annotations map[string]string
		Clear               []string
	} `yaml:"trap_rules"`
	Receivers []struct {
		Name, Type, Address, Auth string
		Forward                   map[string][]string
	}
}

// texts is as in package traps.
type texts []string

func (t texts) At(n int) string {
	if n < 1 || n > len(t) {
		return ""
	}
	return t[n-1]
}

// expanded returns the text of a template of rules, for a trap with the values a and b.
func expanded(t *testing.T, text string) string {
	t.Helper()
	parsed, err := template.New("").Parse(`{{$labels := .L}}{{$values := .V}}{{$names := .V}}{{$trap := "T"}}{{$source := "S"}}{{$varbinds := .B}}` + text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var b strings.Builder
	if err := parsed.Execute(&b, map[string]any{"L": map[string]string{}, "V": texts{"a", "b"}, "B": map[string]string{}}); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return b.String()
}

func read(t *testing.T, r *Result) (in imported) {
	t.Helper()
	text := r.YAML()
	if err := yaml.UnmarshalStrict(text, &in); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return in
}

// Whatever the files have, what is made of them is YAML with templates that can be expanded. What is no variable stays as it is.
func TestHostileFiles(t *testing.T) {
	words := []string{
		"$", "$1", "${2}", "$*", "$+1", "$-*", "$$", "{", "}", "{{", "}}", "{{.}}", "`", `"`, `\`, "'", ":", "#", "- ", "a", " ", "\t", "\x00", "\x1b[2J", "\u202e", "\u2028", "\ufeff", "\xff", "é", "$x", "(", ")", "[", "|", "null", "%s", "999999999999999999999",
	}
	keys := []string{"EVENT", "FORMAT", "MATCH", "SDESC", "EDESC", "EXEC", "#", "authCommunity log", "authUser log", "createUser", "snmpTrapdAddr", "disableAuthorization", "forward", "authCommunity", "authUser", "$1"}
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 6))
		line := func() string {
			var b strings.Builder
			for range random.IntN(8) {
				b.WriteString(words[random.IntN(len(words))])
			}
			return b.String()
		}
		var b strings.Builder
		plain := ""
		for range random.IntN(3) {
			fmt.Fprintf(&b, "%s %s\n", keys[1+random.IntN(len(keys)-1)], line())
		}
		if random.IntN(2) == 0 {
			plain = strings.NewReplacer("$", "", "\x00", "", "\xff", "", "\ufeff", "").Replace(line())
			fmt.Fprintf(&b, "EVENT %s .1.3 \"%s\" %s\nFORMAT %s\nSDESC\n%s\nEDESC\nEVENT x .1.4 \"\" x\nFORMAT %s${1}%s\n", []string{"x", "null", "true", "1", "~", line()}[random.IntN(6)],
				strings.ReplaceAll(line(), `"`, ""), line(), line(), line(), "|"+plain, plain+"|")
		}
		for range random.IntN(6) {
			fmt.Fprintf(&b, "%s %s\n", keys[random.IntN(len(keys))], line())
		}
		var r Result
		r.Add("x", b.String())
		in := read(t, &r)
		for _, rule := range in.Rules {
			if rule.Alert == "" || strings.ContainsAny(rule.Alert, "{}\n") {
				t.Fatalf("seed %d: alert %q", seed, rule.Alert)
			}
			for _, text := range rule.Labels {
				expanded(t, text)
			}
			for _, text := range rule.Annotations {
				expanded(t, text)
			}
			for _, text := range rule.Match {
				regexp.MustCompile("^(?:" + text + ")$")
			}
			if s := rule.Annotations["summary"]; plain != "" && strings.HasPrefix(s, "|") && strings.Contains(s, "$values.At 1") && strings.Count(expanded(t, s), "|") == 2 {
				if got, want := expanded(t, s), "|"+plain+"a"+plain+"|"; got != want && !strings.ContainsAny(plain, "\n|") {
					t.Fatalf("seed %d: %q is %q, want %q", seed, s, got, want)
				}
			}
		}
	}
}

// A condition of snmptt holds where its expression is found anywhere in the value.
func TestConditionsAreFoundAnywhere(t *testing.T) {
	for _, expression := range []string{"fail", "fail|down", "^fail", "fail$", "^(up|down)$", "(?i)x|y", "", "a|", "[.]", "^a|b$"} {
		for _, flag := range []string{"", "i", "g"} {
			var r Result
			r.Add("x", fmt.Sprintf("EVENT x .1.3 \"c\" Normal\nFORMAT x\nMATCH $1: (%s)%s\n", expression, flag))
			found := regexp.MustCompile("^(?:" + read(t, &r).Rules[0].Match["$1"] + ")$")
			want := regexp.MustCompile(map[bool]string{true: "(?i)"}[flag == "i"] + expression)
			for _, value := range []string{"", "fail", "disk failed", "going down now", "up", "cup", "X", "a\nfail\nb", "ab", "ba", "1.2"} {
				if found.MatchString(value) != want.MatchString(value) {
					t.Errorf("(%s)%s: %q: %v, want %v", expression, flag, value, found.MatchString(value), want.MatchString(value))
				}
			}
		}
	}
}
