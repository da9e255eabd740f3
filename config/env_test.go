package config

import (
	"strings"
	"testing"

	"trapline/internal/access"
)

func TestExpandEnv(t *testing.T) {
	t.Setenv("TRAPLINE_SET", "from the environment")
	t.Setenv("TRAPLINE_EMPTY", "")
	for _, test := range []struct {
		name, written, want, wrong string
	}{
		{name: "no variable", written: "plain", want: "plain"},
		{name: "name", written: "$TRAPLINE_SET", want: "from the environment"},
		{name: "name in braces", written: "a${TRAPLINE_SET}b", want: "afrom the environmentb"},
		{name: "set but empty", written: "a${TRAPLINE_EMPTY}b", want: "ab"},
		{name: "dollar", written: "pa$$word", want: "pa$word"},
		{name: "dollar before a name", written: "$${TRAPLINE_SET}", want: "${TRAPLINE_SET}"},
		{name: "dollar at the end", written: "word$", want: "word$"},
		{name: "not set", written: "$TRAPLINE_UNSET", wrong: "environment variable TRAPLINE_UNSET is not set: set it, or write $$ for a $ itself"},
		{name: "brace not closed", written: "pa${word", wrong: "${ wants the name of an environment variable and a }: write $$ for a $ itself"},
		{name: "nothing in braces", written: "pa${}word", wrong: "${ wants the name of an environment variable and a }: write $$ for a $ itself"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := write(t, "snmp.yml", ifModule+"auths:\n  core:\n    version: 2\n    community: '"+test.written+"'\n")
			c, err := Load([]string{file}, Options{ExpandEnv: true})
			switch {
			case test.wrong != "" && (err == nil || err.Error() != file+":5: auths.core.community: "+test.wrong):
				t.Errorf("error is %v: want %s", err, test.wrong)
			case test.wrong == "" && err != nil:
				t.Error(err)
			case test.wrong == "" && string(c.Auths["core"].Community) != test.want:
				t.Errorf("community is %q: want %q", string(c.Auths["core"].Community), test.want)
			}
		})
	}
}

func TestCredentialsAreExpandedAndNothingElse(t *testing.T) {
	t.Setenv("X", "expanded")
	const file = `
auths:
  core: {version: 3, security_level: authPriv, username: $X, community: $X, password: $X, priv_password: $X, context_name: $X}
  files: {version: 3, security_level: authPriv, username: $X, password_file: /$X, priv_password_file: /$X, community_file: /$X}
  keys: {version: 3, security_level: authPriv, username: $X, engine_id: 8000000001, master_key_file: /$X, priv_localized_key_file: /$X}
`
	auth := func(o Options, name string) access.Auth {
		c, err := Load([]string{write(t, "snmp.yml", ifModule+strings.ReplaceAll(file, "X, p", "X$X, p"))}, o)
		if err != nil {
			t.Fatal(err)
		}
		return *c.Auths[name]
	}
	core, files, keys := auth(Options{ExpandEnv: true}, "core"), auth(Options{ExpandEnv: true}, "files"), auth(Options{ExpandEnv: true}, "keys")
	for _, test := range []struct{ key, got, want string }{
		{"username", core.Username, "expanded"},
		{"community", string(core.Community), "expandedexpanded"},
		{"password", string(core.Password), "expandedexpanded"},
		{"priv_password", string(core.PrivPassword), "expanded"},
		{"context_name", core.ContextName, "$X"},
		{"password_file", files.PasswordFile, "/expandedexpanded"},
		{"priv_password_file", files.PrivPasswordFile, "/expanded"},
		{"community_file", files.CommunityFile, "/expanded"},
		{"master_key_file", keys.MasterKeyFile, "/expandedexpanded"},
		{"priv_localized_key_file", keys.PrivLocalizedKeyFile, "/expanded"},
	} {
		if test.got != test.want {
			t.Errorf("%s is %q: want %q", test.key, test.got, test.want)
		}
	}
}

func TestWithoutTheFlagDollarsStay(t *testing.T) {
	t.Setenv("X", "expanded")
	c := load(t, write(t, "snmp.yml", ifModule+"auths: {core: {username: $X, community: a$$b, password: '${X'}}"))
	if a := c.Auths["core"]; a.Username != "$X" || a.Community != "a$$b" || a.Password != "${X" {
		t.Errorf("username %q, community %q, password %q", a.Username, string(a.Community), string(a.Password))
	}
}

func TestAVariableThatIsNotSetIsTheOnlyMistake(t *testing.T) {
	file := write(t, "snmp.yml", ifModule+"auths:\n  core:\n    version: 3\n    security_level: authNoPriv\n    password: $UNSET\n    username: ${UNSET}$TOO\n")
	_, err := Load([]string{file}, Options{ExpandEnv: true})
	const want = `FILE:6: auths.core.password: environment variable UNSET is not set: set it, or write $$ for a $ itself
FILE:7: auths.core.username: environment variable TOO is not set: set it, or write $$ for a $ itself
FILE:7: auths.core.username: environment variable UNSET is not set: set it, or write $$ for a $ itself`
	if err == nil || strings.ReplaceAll(err.Error(), file, "FILE") != want {
		t.Errorf("error is\n%v\nwant\n%s", err, want)
	}
}
