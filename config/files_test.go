package config

import (
	"os"
	"strings"
	"testing"
)

const (
	auths    = "auths: {public_v2: {}}\n"
	ifModule = "modules: {if_mib: {walk: [1.3.6.1.2.1.2]}}\n"
)

func TestSeveralFiles(t *testing.T) {
	for _, test := range []struct {
		name     string
		files    map[string]string
		patterns string // default: *.yml
		wrong    string // one error per line
		warnings string
	}{
		{
			name:  "each says a part",
			files: map[string]string{"a.yml": auths, "b.yml": ifModule, "c.yml": "targets: [{address: a}]", "d.yml": "targets: [{address: b}]"},
		},
		{
			name:     "two patterns match one file",
			files:    map[string]string{"a.yml": auths + ifModule},
			patterns: "a.yml *.yml ./a.yml",
		},
		{
			name:     "a pattern matches nothing",
			files:    map[string]string{"a.yml": auths + ifModule},
			patterns: "*.yml *.yaml",
			warnings: "no file matches *.yaml",
		},
		{
			name:     "no pattern matches anything",
			patterns: "snmp.yml conf.d/*.yml",
			wrong:    "conf.d/*.yml: no such file\nsnmp.yml: no such file",
		},
		{
			name:     "bad pattern",
			files:    map[string]string{"a.yml": auths + ifModule},
			patterns: "*.yml [",
			wrong:    "[: not a file name or a pattern of file names: syntax error in pattern",
		},
		{
			name:     "a directory",
			patterns: ".",
			wrong:    ".: cannot be read: is a directory",
		},
		{
			name:  "one is empty",
			files: map[string]string{"a.yml": "", "b.yml": "---\n", "c.yml": auths + ifModule},
		},
		{
			name:  "all are empty",
			files: map[string]string{"a.yml": "", "b.yml": "global: {retries: 1}"},
			wrong: "a.yml, b.yml: nothing to poll: write at least targets: [ADDRESS]",
		},
		{
			name:  "an auth and a module twice",
			files: map[string]string{"a.yml": auths + ifModule, "b.yml": "#\n" + auths + ifModule},
			wrong: "b.yml:2: auths.public_v2: already set at a.yml:1\nb.yml:3: modules.if_mib: already set at a.yml:2",
		},
		{
			name:  "keys of a section",
			files: map[string]string{"a.yml": auths + "global: {interval: 5s}", "b.yml": ifModule + "global: {retries: 1}"},
		},
		{
			name:  "a key of a section twice",
			files: map[string]string{"a.yml": auths + "global: {interval: 5s, timeout: 1s}", "b.yml": ifModule + "global:\n  retries: 1\n  interval: 5s"},
			wrong: "b.yml:4: global.interval: already set at a.yml:2",
		},
		{
			name:  "a key that is merged in, twice",
			files: map[string]string{"a.yml": auths + "global: {retries: 2}", "b.yml": "modules: {if_mib: &m {retries: 1}}\nglobal:\n  interval: 5s\n  <<: [*m]"},
			wrong: "b.yml:1: global.retries: already set at a.yml:2",
		},
		{
			name:  "version twice",
			files: map[string]string{"a.yml": "version: 1\n" + auths, "b.yml": "version: 2\n" + ifModule},
		},
		{
			name:  "a target twice",
			files: map[string]string{"a.yml": auths + "targets: [{address: a}]", "b.yml": ifModule + "targets:\n- {address: b}\n- {address: c, name: a}"},
			wrong: `b.yml:4: targets[1].name: target "a" stands at a.yml:2 already: give one of them another name`,
		},
		{
			name:  "problems in all",
			files: map[string]string{"a.yml": "auths: {x: {version: 7}}", "b.yml": "module: {}", "c.yml": "modules: {y: {timeout: 5, walk: [1.3]}}"},
			wrong: "a.yml:1: auths.x.version: version 7: SNMP has versions 1, 2 (for v2c) and 3\n" +
				"b.yml:1: unknown key \"module\" at the top of the file: did you mean modules?\n" +
				"c.yml:1: modules.y.timeout: \"5\" is not a duration: write a number with its unit, such as 5s, 500ms or 1m30s",
		},
		{
			name:  "what a misspelled key may hold is not missed",
			files: map[string]string{"a.yml": "auth: {secure: {version: 2}}\nreceivers: [{name: b, address: c, auth: secure}, {name: d, address: e}]"},
			wrong: "a.yml:1: unknown key \"auth\" at the top of the file: did you mean auths?",
		},
		{
			name:  "what an unreadable file may hold is not missed",
			files: map[string]string{"a.yml": "auths: [", "b.yml": ifModule + "targets: [{address: a}]"},
			wrong: "a.yml:1: a value is missing here, or one of ] } , stands where it does not belong",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for name, text := range test.files {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if test.patterns == "" {
				test.patterns = "*.yml"
			}
			c, err := Load(strings.Fields(test.patterns), Options{})
			got := ""
			if err != nil {
				got = err.Error()
			} else if w := strings.Join(c.Warnings, "\n"); w != test.warnings {
				t.Errorf("warnings are %q: want %q", w, test.warnings)
			}
			if got != test.wrong {
				t.Errorf("\n got %s\nwant %s", got, test.wrong)
			}
		})
	}
}

func TestFilesAreReadAsOne(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"a.yml": auths + "global: {retries: 0, timeout: 2s}\ntargets: [{address: a}]",
		"b.yml": ifModule + "global: {interval: 5s}\ntargets: [{address: b}]",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const want = `global:
  interval: 5s
  retries: 0
  timeout: 2s
targets:
  - name: a
    address: a
    auth: public_v2
    modules:
      - if_mib
  - name: b
    address: b
    auth: public_v2
    modules:
      - if_mib
`
	if got := dump(t, load(t, "*.yml")); !strings.HasSuffix(got, want) {
		t.Errorf("dump is\n%s\nwant its end to be\n%s", got, want)
	}
}

func TestNoFileNamed(t *testing.T) {
	if _, err := Load(nil, Options{}); err == nil || err.Error() != "no configuration file was named" {
		t.Errorf("error is %v", err)
	}
}
