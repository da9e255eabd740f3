package config

import (
	"strings"
	"testing"
)

func TestMaskedShowsWhatIsNoSecret(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"auths:\n  core:\n    version: 3\n    username: monitor # who asks\n    password: hunter2 # not mine\n    security_level: authPriv\n",
			"auths:\n  core:\n    version: 3\n    username: monitor # …\n    password: <secret> # …\n    security_level: authPriv\n"},
		{"auths: {lab: {community: hunter2, version: 2}}\n", "auths: {lab: {community: <secret>, version: 2}}\n"},
		{"auths:\n  a: &a {community: hunter2}\n  b:\n    <<: *a\n    version: 1\n", "auths:\n  a: &a {community: <secret>}\n  b:\n    <<: *a\n    version: 1\n"},
		{"auths:\n  a: &a\n    community: \"hunter2\"\n    version: 1\n", "auths:\n  a: &a\n    community: <secret>\n    version: 1\n"},
		{"auths:\n  a:\n    password: |\n      hunter2\n      more\n    username: u\n", "auths:\n  a:\n    password: <secret>\n      <secret>\n      <secret>\n    username: u\n"},
		{"receivers:\n- name: n1\n  type: webhook\n  url: https://me:hunter2@192.0.2.1/x\n  labels: {site: berlin}\n  tags: [a, b]\n",
			"receivers:\n- name: n1\n  type: webhook\n  url: https://192.0.2.1/<secret>\n  labels: {site: berlin}\n  tags: [a, b]\n"},
		{"receivers:\n- {name: n1, tags: [a], url: 'http://192.0.2.2:8080/'}\n- labels:\n    site: berlin\n  name: n2\n  tags:\n  - x\n",
			"receivers:\n- {name: n1, tags: [a], url: http://192.0.2.2:8080/}\n- labels:\n    site: berlin\n  name: n2\n  tags:\n  - x\n"},
		{"targets:\n- 192.0.2.1\n- {name: a, address: 'x', labels: {site: \"B, C\"}} # note\nthresholds:\n- expr: ifOperStatus{a=\"b\"} == 2\n",
			"targets:\n- 192.0.2.1\n- {name: a, address: 'x', labels: {site: \"B, C\"}} # note\nthresholds:\n- expr: ifOperStatus{a=\"b\"} == 2\n"},
		{"modules: {if_mib: {walk: [IF-MIB::ifTable, 1.3.6.1.2.1.31]}}\r\nglobal:\r\n  interval: 30s\r\n", "modules: {if_mib: {walk: [IF-MIB::ifTable, 1.3.6.1.2.1.31]}}\r\nglobal:\r\n  interval: 30s\r\n"},
	} {
		if got := Masked(c.text); got != c.want {
			t.Errorf("of\n%s\nbecomes\n%s\nwant\n%s", c.text, got, c.want)
		}
	}
}

// The text around an error shows no secret, whatever the error is.
func TestMaskedHidesSecretsInWhatIsNoYAML(t *testing.T) {
	for _, written := range []string{
		"password: *hunter2", "password: @hunter2", "password: [hunter2", "password: [hunter2]", "password: {hunter2: x}", "password: {x: hunter2}",
		"password: !!int hunter2", "password: !!binary hunter2", `password: "hunter2`, "password: hunter2: x", "password:hunter2", "password : hunter2",
		"password: |\nhunter2", "password: >-\n      hunter2", "hunter2", "password: %hunter2", "password: 'hunter2' x", "password: hunter2\n    password: hunter2",
		"password: hunter2\n    password_file: x", "password: &hunter2", "password: hun\x01ter2", "pasword: hunter2", "pasword: &x hunter2", `"password": "hunter2"`,
		`'password': 'it''s hunter2'`, `password: "a\"hunter2"`, "password: \"a\n hunter2\n  b\" hunter2", "password:\n      hunter2", "password:\n    hunter2", "password: # x\n      hunter2",
		"master_key: hunter2", "? password\n    : hunter2", "username: x, password: hunter2", "{password: hunter2", "{version: 3, password: hunter2}", "- hunter2", "Password: hunter2",
		"username: &a hunter2", "# password: hunter2", "# community=hunter2", "version: 3, password: hunter2,",
	} {
		for _, around := range []string{"auths:\n  core:\n    username: me\n    %\n    version: 3\n", "auths: {core: {username: me,\n    %\n    version: 3}}\n",
			"auth:\n  core:\n    %\n", "%\nmodules: {}\n", "receivers:\n  - name: x\n    %\n"} {
			if (strings.HasPrefix(around, "auth:") || around[0] == '%') && (written[0] == '?' || !strings.Contains(strings.ToLower(written), "password")) || strings.Contains(written, "hun\x01") {
				continue // in an unknown section, no key marks this value as a secret
			}
			text := strings.Replace(around, "%", written, 1)
			got := Masked(text)
			if strings.Contains(got, "hunter2") {
				t.Errorf("of\n%s\nis shown\n%s", text, got)
			}
			if strings.Count(got, "\n") != strings.Count(text, "\n") {
				t.Errorf("of\n%s\nthe lines are\n%s", text, got)
			}
		}
	}
}

// No secret of a configuration that loads is left in its text.
func TestMaskedHidesTheSecretsOfConfigurations(t *testing.T) {
	secrets := 0
	for _, file := range matching(t, "testdata/good/*.yml") {
		c := load(t, file)
		for i := range c.Files {
			raw, err := c.Files[i].raw()
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range c.secrets() {
				if secrets++; strings.Contains(Masked(string(raw)), secret) {
					t.Errorf("%s shows %s", file, secret)
				}
			}
		}
	}
	if secrets < 4 {
		t.Errorf("there are %d secrets", secrets)
	}
}
