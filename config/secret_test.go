package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNothingPrintsASecret(t *testing.T) {
	c := load(t, write(t, "snmp.yml", ifModule+`
auths:
  v2: {community: hunter2-community}
  v3: {version: 3, username: me, security_level: authPriv, password: hunter2-password, priv_password: hunter2-priv}
  master: {version: 3, username: me, security_level: authPriv, master_key: 68756e746572320123456789abcdef00, priv_master_key: 68756E746572320123456789abcdef00}
  localized: {version: 3, username: me, security_level: authPriv, engine_id: 8000000001, localized_key: 68756e746572320123456789abcdef00, priv_localized_key: 0x68756e746572320123456789abcdef00}
state_dir: /var/lib/trapline
receivers:
- {name: user, type: webhook, url: "https://me:hunter2@192.0.2.1/"}
- {name: path, type: webhook, url: "https://192.0.2.1:8080/services/hunter2"}
- {name: query, type: webhook, url: "https://192.0.2.1/?token=hunter2"}
- {name: plain, type: webhook, url: "http://192.0.2.2:8080/"}
`))
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		for name, auth := range c.Auths {
			fmt.Fprintf(&printed, verb+"\n", auth)
			fmt.Fprintf(&printed, verb+"\n", *auth)
			fmt.Fprintf(&printed, verb+" "+name+"\n", auth.Password)
		}
		fmt.Fprintf(&printed, verb+"\n", c)
		fmt.Fprintf(&printed, verb+"\n", *c)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
		slog.New(h).Info("loaded", "config", c, "auths", c.Auths, "auth", *c.Auths["v3"], "community", c.Auths["v2"].Community)
	}
	if b, err := json.Marshal(c); err == nil {
		printed.Write(b)
	}
	printed.WriteString(dump(t, c))
	for _, hidden := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), "104 117 110"} {
		if _, after, found := strings.Cut(printed.String(), hidden); found {
			t.Errorf("%s is printed, before %.80q", hidden, after)
		}
	}
	for _, shown := range []string{"url: https://192.0.2.1/<secret>", "url: https://192.0.2.1:8080/<secret>", "url: http://192.0.2.2:8080/"} {
		if !strings.Contains(printed.String(), shown) {
			t.Errorf("%s is not printed", shown)
		}
	}
	if n := strings.Count(printed.String(), "<secret>"); n < 50 {
		t.Errorf("<secret> stands in the output %d times: did it print the auths at all?\n%s", n, &printed)
	}
}

// An error may be in a secret, or beside one.
func TestNoMistakeTellsASecret(t *testing.T) {
	for _, written := range []string{
		"password: *hunter2", "password: @hunter2", "password: [hunter2", "password: [hunter2]", "password: {hunter2: x}",
		"password: !!int hunter2", "password: !!binary hunter2", `password: "hunter2`, "password: hunter2: x", "password:hunter2",
		"password: |\nhunter2", "hunter2", "password: %hunter2", "password: 'hunter2' x", "password: hunter2\n    password: hunter2",
		"password: hunter2\n    password_file: x", "password: &hunter2", "password: hun\x01ter2",
		"master_key: hunter2", "master_key: 68756e7465723hunter2", "localized_key: hunter2\n    engine_id: 8000000001", "engine_id: hunter2",
	} {
		file := write(t, "snmp.yml", ifModule+"auths:\n  core:\n    version: 3\n    username: me\n    security_level: authNoPriv\n    "+written+"\n")
		_, err := Load([]string{file}, Options{})
		if err == nil {
			t.Errorf("%q loads", written)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q gives %v", written, err)
		}
	}
}
