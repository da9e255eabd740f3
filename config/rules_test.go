package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const alerting = `groups: [{name: g, rules: [{alert: Hot, expr: temperature > 40}]}]`

// Rule files are named relative to the file that names them, which need not lie where we run.
func TestRuleFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const base = "auths: {public_v2: {}}\nmodules: {m: {get: [1.3.6.1.2.1.1.3.0]}}\n"
	put("rules/hot.yml", alerting)
	c := load(t, put("good.yml", base+"rule_files: [rules/*.yml, rules/hot.yml]\n"))
	if list := c.Rules.Rules(); len(list) != 1 || list[0].UID != "g/Hot" {
		t.Errorf("rules are %v", list)
	}
	c = load(t, put("none.yml", base+"rule_files: [none/*.yml]\n"))
	if want := filepath.Join(dir, "none.yml") + ":3: rule_files[0]: no file matches none/*.yml (relative to " + dir + ")"; len(c.Warnings) != 1 || c.Warnings[0] != want {
		t.Errorf("warnings are %q, want %q", c.Warnings, want)
	}
	broken := put("broken.yml", strings.Replace(alerting, "> 40", ">", 1))
	_, err := Load([]string{put("wrong.yml", base+"rule_files:\n- broken.yml\n- missing.yml\n")}, Options{})
	want := broken + ":1: group \"g\", rule 1, \"Hot\": could not parse expression: 1:14: parse error: unexpected end of input\n" +
		filepath.Join(dir, "wrong.yml") + ":5: rule_files[1]: there is no file missing.yml (relative to " + dir + ")"
	if err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}
