package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/config/document"
)

// Each file below testdata/wrong lists its errors in its first lines.
func TestEachMistakeIsToldWithItsLine(t *testing.T) {
	for _, file := range matching(t, "testdata/wrong/*.yml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := Load([]string{file}, Options{})
			if !errors.As(err, new(document.Problems)) {
				t.Fatalf("Load gives %v: want Problems", err)
			}
			want := expected(t, file, "# want: ")
			got := strings.Split(err.Error(), "\n")
			for i := range max(len(got), len(want)) {
				switch {
				case i >= len(want):
					t.Errorf("more than wanted: %s", got[i])
				case i >= len(got):
					t.Errorf("not told: %s", want[i])
				case !matches(got[i], want[i]):
					t.Errorf("\n got %s\nwant %s", got[i], want[i])
				}
			}
		})
	}
}

// Each file below testdata/doubtful is valid and lists its warnings in its first lines.
func TestEachWarningHasItsLine(t *testing.T) {
	for _, file := range matching(t, "testdata/doubtful/*.yml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			got := strings.Join(load(t, file).Warnings, "\n")
			if want := strings.Join(expected(t, file, "# warn: "), "\n"); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

// expected returns the texts that follow a mark in the lines of a file.
func expected(t *testing.T, file, mark string) (want []string) {
	for line := range strings.Lines(text(t, file)) {
		if line, ok := strings.CutPrefix(line, mark); ok {
			want = append(want, filepath.Dir(file)+"/"+strings.TrimSpace(line))
		}
	}
	return want
}

// A want that ends in "..." matches every text with that prefix.
func matches(got, want string) bool {
	if beginning, ok := strings.CutSuffix(want, "..."); ok {
		return strings.HasPrefix(got, beginning)
	}
	return got == want
}

// The .dump file beside each good file is the configuration as /config shows it.
func TestDump(t *testing.T) {
	for _, file := range matching(t, "testdata/good/*.yml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			got := dump(t, load(t, file))
			if want := text(t, strings.TrimSuffix(file, "yml")+"dump"); got != want {
				t.Errorf("dump is\n%s\nwant\n%s", got, want)
			}
			again := load(t, write(t, "dump.yml", got))
			if more := dump(t, again); more != got {
				t.Errorf("the dump of the dump differs:\n%s", more)
			}
		})
	}
}

// A scalar that looks like a number, a bool or a date is text where text belongs.
func TestTextStaysAsWritten(t *testing.T) {
	c := load(t, "testdata/good/everything.yml")
	m := c.Modules["if_mib"]
	enum := m.Metrics[0].EnumValues
	for _, test := range []struct{ name, got, want string }{
		{"walk", strings.Join(m.Walk.Names(), " "), "1.3 1.10 1 .1.3.6.1 1.3.6.1.2.1.2"},
		{"OID", c.Compiled["if_mib"].Walk[1].OID.String(), "1.10"},
		{"community", string(c.Auths["plain"].Community), "0123"},
		{"community", string(c.Auths["old"].Community), "1.50"},
		{"context_name", c.Auths["strict"].ContextName, "no"},
		{"merged password", string(c.Auths["other_site"].Password), "correct horse"},
		{"labelname", m.Metrics[0].Indexes[1].LabelName, "yes"},
		{"enum value 1", enum[1], "yes"},
		{"enum value 2", enum[2], "off"},
		{"enum value 0x3", enum[3], ""},
		{"enum value 010", enum[8], "1.0"},
		{"enum value 5", enum[5], "2020-01-01"},
		{"label", c.Targets[1].Labels["site"], "on"},
		{"label", c.Targets[1].Labels["rack"], "07"},
		{"help", m.Metrics[1].Help, "Folded over lines: with a colon"},
	} {
		if test.got != test.want {
			t.Errorf("%s is %q: want %q", test.name, test.got, test.want)
		}
	}
}

func TestDefaults(t *testing.T) {
	c := load(t, "testdata/good/everything.yml")
	m, first := c.Modules["if_mib"], c.Targets[0]
	switch {
	case c.Auths["plain"].Version != 2:
		t.Errorf("auth has version %d", c.Auths["plain"].Version)
	case m.Retries != nil:
		t.Errorf("retries: null gives %d", *m.Retries)
	case m.MaxRepetitions == nil || *m.MaxRepetitions != 0:
		t.Error("max_repetitions: 0 is not kept")
	case m.Timeout.Duration != 90*time.Second:
		t.Errorf("timeout is %s", m.Timeout)
	case !m.UseUnconnectedUDPSocket || !m.AllowNonIncreasingOIDs:
		t.Error("yes and on are not true")
	case first.Name != first.Address || first.Auth != "public_v2" || first.Modules[0] != "if_mib":
		t.Errorf("target is %+v", first)
	}
}

func matching(t testing.TB, pattern string) []string {
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no file matches %s (%v)", pattern, err)
	}
	return names
}

func text(t testing.TB, file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func load(t testing.TB, patterns ...string) *Config {
	c, err := Load(patterns, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func dump(t testing.TB, c *Config) string {
	var b strings.Builder
	if err := c.Dump(&b); err != nil {
		t.Fatal(err)
	}
	full, err := encode(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(full) && string(full) != "{}\n" {
		t.Errorf("the pieces are\n%.2000s\nand the whole is\n%.2000s", got, full)
	}
	return b.String()
}

// write puts text into a file of that name in a directory of its own.
func write(t testing.TB, name, text string) string {
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
