package cli

import (
	"strings"
	"testing"

	"github.com/alecthomas/kingpin/v2"
)

// Command lines in an order or with a word that is not taken have the line that is.
func TestCommandsThatWereMeant(t *testing.T) {
	for line, want := range map[string]string{
		"--config.file=x check":  "the command comes first: trapline check --config.file=x",
		"--config.file=x chekc":  "unexpected chekc",
		"reload":                 `no command "reload": a server reads its files again by curl -X POST http://localhost:9116/-/reload, or by SIGHUP`,
		"profile list":           `no command "profile list": the commands are show, draft, test`,
		"profile list --verbose": `no command "profile list": the commands are show, draft, test`,
	} {
		app := kingpin.New("trapline", "").Terminate(nil)
		app.Command("serve", "").Default().Flag("config.file", "").String()
		app.Command("check", "").Flag("config.file", "").String()
		profile := app.Command("profile", "")
		profile.Command("show", "").Default().Arg("host", "").String()
		profile.Command("draft", "")
		_, err := Parse(app, strings.Fields(line))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}
