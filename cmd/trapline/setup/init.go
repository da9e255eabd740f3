package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"trapline/internal/access"
	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/runtimeconfig"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/survey"
)

// initFlags say how to write the first configuration.
type initFlags struct {
	files                                           *[]string
	expandEnv                                       *bool
	output, communityFile                           *string
	user, level, authProtocol, privProtocol         *string
	authPasswordFile, privPasswordFile, authSetting *string
	timeout                                         *time.Duration
	mayAsk                                          func() bool
	hosts                                           *[]string
}

func addInit(program *cli.Program) {
	c := program.App.Command("init", "Find out how a device answers, and write the configuration that polls it.")
	var f initFlags
	f.files, f.expandEnv = cli.AddConfigFlags(c)
	f.output = c.Flag("output", "File to write, which must not exist; - is standard output.").Short('o').Default("snmp.yml").String()
	f.communityFile = c.Flag("community-file", "File with a community to try.").PlaceHolder("FILE").String()
	f.user = c.Flag("user", "User name of SNMPv3 to try.").Short('u').String()
	f.level = c.Flag("level", "Security level; without it, what the passwords allow.").Short('l').String()
	f.authProtocol = c.Flag("auth-protocol", "MD5, SHA, SHA224, SHA256, SHA384 or SHA512.").Short('a').Default("SHA").String()
	f.privProtocol = c.Flag("priv-protocol", "DES, AES, AES192, AES256, AES192C or AES256C.").Short('x').Default("AES").String()
	f.authPasswordFile = c.Flag("auth-password-file", "File with the password of the auth protocol; without it, a terminal is asked.").PlaceHolder("FILE").String()
	f.privPasswordFile = c.Flag("priv-password-file", "File with the password of the priv protocol; without it, a terminal is asked.").PlaceHolder("FILE").String()
	f.authSetting = c.Flag("auth", "Name of the auth that is written.").Default("lab").String()
	f.timeout = c.Flag("timeout", "How long to wait for each answer.").Short('t').Default("1s").Duration()
	f.mayAsk = program.MayAsk
	f.hosts = c.Arg("host", "[udp|udp6|tcp:]host[:port]").Required().Strings()
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error { return f.run(ctx, logger) }
}

// initRetries is how often a device is asked again: a first request may be lost to ARP.
const initRetries = 2

func (f *initFlags) run(ctx context.Context, logger *slog.Logger) error {
	for _, host := range *f.hosts {
		if _, err := access.ParseAddress(host); err != nil {
			return err
		}
	}
	list, _, err := candidates(runtimeconfig.Files(*f.files), *f.expandEnv)
	if err != nil {
		return err
	}
	own, err := f.own()
	if err != nil {
		return err
	}
	e := client.New(client.Options{Logger: logger})
	defer e.Close()
	s := survey.NewSurveyor(e, slices.Concat(own, list), *f.timeout, initRetries)
	var answered []survey.Surveyed
	for _, host := range *f.hosts {
		found := s.Survey(ctx, host)
		if found.By == nil {
			return errors.Join(ctx.Err(), unanswered(s, &found))
		}
		fmt.Fprintf(os.Stderr, "%s answers %s in %s: %s\n", host, found.By.Describe(), found.Took.Round(100*time.Microsecond), oneLine(cmp.Or(found.Descr, found.Name)))
		answered = append(answered, found)
	}
	return f.write(answered)
}

// own is the auth that the flags give.
func (f *initFlags) own() ([]survey.Candidate, error) {
	switch {
	case *f.communityFile != "":
		file, err := filepath.Abs(*f.communityFile)
		if err != nil {
			return nil, err
		}
		a := survey.PublicAuth(2)
		a.Community, a.CommunityFile = "", file
		if _, err := a.Principal(); err != nil {
			return nil, err
		}
		return []survey.Candidate{{Name: *f.authSetting, Auth: a}}, nil
	case *f.user != "":
		a, err := f.userAuth()
		return []survey.Candidate{{Name: *f.authSetting, Auth: a}}, err
	}
	return nil, nil
}

// userAuth is that of SNMPv3. Passwords come from files or a terminal: everybody on the machine can read arguments.
func (f *initFlags) userAuth() (*access.Auth, error) {
	a := access.DefaultAuth()
	a.Version, a.Community, a.Username, a.AuthProtocol, a.PrivProtocol = 3, "", *f.user, *f.authProtocol, *f.privProtocol
	var err error
	if a.PasswordFile, a.Password, err = f.secret(*f.authPasswordFile, "Password of the auth protocol (empty for none): "); err != nil {
		return nil, err
	}
	if a.PasswordFile != "" || a.Password != "" {
		a.SecurityLevel = access.AuthNoPriv
		if a.PrivPasswordFile, a.PrivPassword, err = f.secret(*f.privPasswordFile, "Password of the priv protocol (empty for none): "); err != nil {
			return nil, err
		}
	}
	if a.PrivPasswordFile != "" || a.PrivPassword != "" {
		a.SecurityLevel = access.AuthPriv
	}
	a.SecurityLevel = cmp.Or(*f.level, a.SecurityLevel)
	a.Canonical()
	if m := a.Problems(); len(m) > 0 {
		return nil, errors.New(m[0].Text)
	}
	return &a, nil
}

// secret returns the file of a password, or the password that was typed.
func (f *initFlags) secret(file, prompt string) (path string, typed setting.Secret, err error) {
	if file != "" {
		path, err = filepath.Abs(file)
		if _, missing := os.Stat(path); isAbsent(missing) {
			err = fmt.Errorf("there is no file %s", path)
		}
		return path, "", err
	}
	if !f.mayAsk() || !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", "", nil
	}
	fmt.Fprint(os.Stderr, prompt)
	text, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return "", setting.Secret(text), err
}

// unanswered returns the error of a device that answers to no auth, with the remedy.
func unanswered(s *survey.Surveyor, found *survey.Surveyed) error {
	var tried []string
	for i := range s.Candidates {
		tried = append(tried, s.Candidates[i].Describe())
	}
	asked := strings.Join(tried, ", ")
	switch {
	case found.Err != nil:
		return fmt.Errorf("%s answers, and refuses what was tried (%s): %w", found.Address, asked, found.Err)
	case found.Engine != nil:
		return fmt.Errorf("%s answers SNMPv3 (engine %x, %s), and not %s: give a user, --user NAME, or another community, --community-file FILE",
			found.Address, found.Engine.EngineID, snmp.DescribeEngineID(found.Engine.EngineID), asked)
	}
	return fmt.Errorf("%s answers neither %s nor SNMPv3: is it reachable, is UDP port 161 open, does it let this machine ask? Another community: --community-file FILE", found.Address, asked)
}

// write writes the configuration, or prints the targets to add to the one that is there.
func (f *initFlags) write(found []survey.Surveyed) error {
	if *f.output == "snmp.yml" {
		if _, err := os.Stat(*f.output); err == nil {
			fmt.Fprintln(os.Stderr, "snmp.yml exists and is left as it is. Add this to its targets:")
			_, err := os.Stdout.Write(appendFound(nil, found))
			return err
		}
	}
	if err := writeNew(os.Stdout, *f.output, initialYAML("init", found)); err != nil || *f.output == "-" {
		return err
	}
	start := "trapline"
	if *f.output != "snmp.yml" {
		start += " --config.file=" + *f.output
	}
	fmt.Fprintf(os.Stderr, "%s is written. Next: %s, then http://localhost:9116/\n", *f.output, start)
	return nil
}

// initialYAML is the configuration for devices that answered.
func initialYAML(command string, found []survey.Surveyed) []byte {
	b := fmt.Appendf(nil, "# Made by trapline %s. What a device has is found out, unless it has modules: [if_mib, …].\n", command)
	b = appendAuths(b, found)
	b = append(b, "targets:\n"...)
	return appendFound(b, found)
}

// appendFound appends the targets of devices. Of those that have the same name, the first is called so.
func appendFound(b []byte, found []survey.Surveyed) []byte {
	named := map[string]bool{}
	for i := range found {
		t := targetOf(&found[i], true)
		if named[t.Name] {
			t.Name = ""
		}
		named[t.Name] = true
		b = appendTarget(b, &t)
	}
	return b
}

// appendAuths appends the auths that the targets name, each with where its secret is.
func appendAuths(b []byte, found []survey.Surveyed) []byte {
	var own []*survey.Candidate
	var known []string
	for i := range found {
		switch c := found[i].By; {
		case c.Known && !slices.Contains(known, c.Name):
			known = append(known, c.Name)
		case !c.Known && !slices.Contains(own, c):
			own = append(own, c)
		}
	}
	if !slices.ContainsFunc(own, func(c *survey.Candidate) bool { return !c.Builtin }) && len(own) > 0 {
		return append(b, "# The auth is public_v2, which is built in: version 2c, community public.\n"...)
	}
	if slices.Sort(known); len(known) > 0 {
		b = fmt.Appendf(b, "# The auths stand in another file: %s.\n", yamlList(known))
	}
	if len(own) > 0 {
		b = append(b, "auths:\n"...)
	}
	for _, c := range own {
		b = appendAuth(b, c)
	}
	return b
}

func appendAuth(b []byte, c *survey.Candidate) []byte {
	var keys []string
	add := func(key, text string) {
		if text != "" {
			keys = append(keys, key+": "+yamlText(text))
		}
	}
	a := c.Auth
	keys = append(keys, fmt.Sprintf("version: %d", a.Version))
	if a.Version != 3 {
		add("community", string(a.Community))
		add("community_file", a.CommunityFile)
	} else {
		add("username", a.Username)
		add("security_level", a.SecurityLevel)
		if a.SecurityLevel != access.NoAuthNoPriv {
			add("auth_protocol", a.AuthProtocol)
			add("password", string(a.Password))
			add("password_file", a.PasswordFile)
		}
		if a.SecurityLevel == access.AuthPriv {
			add("priv_protocol", a.PrivProtocol)
			add("priv_password", string(a.PrivPassword))
			add("priv_password_file", a.PrivPasswordFile)
		}
	}
	return fmt.Appendf(b, "  %s: {%s}\n", yamlText(c.Name), strings.Join(keys, ", "))
}
