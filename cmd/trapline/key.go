package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/setting"
	"trapline/internal/snmp"
)

func addKey(app *kingpin.Application, commands map[string]command) {
	c := app.Command("key", "Print the keys that passphrases of SNMPv3 are turned into: for all devices and, with --engine-id, for one.")
	flags := addKeyFlags(c)
	commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		lines, err := flags.keys()
		if err != nil {
			return err
		}
		fmt.Println(strings.Join(lines, "\n"))
		return nil
	}
}

// keys are the lines that an auth would have.
func (f *keyFlags) keys() (lines []string, err error) {
	u, err := f.user()
	if err != nil {
		return nil, err
	}
	add := func(name string, key []byte) {
		if key != nil {
			lines = append(lines, fmt.Sprintf("%s: %x", name, key))
		}
	}
	add("master_key", u.AuthKey.Master(u.Auth))
	if u.Priv != snmp.NoPriv {
		add("priv_master_key", u.PrivKey.Master(u.Auth))
	}
	if *f.engineID == "" {
		return lines, nil
	}
	id, err := setting.Hex(*f.engineID)
	if err != nil {
		return nil, fmt.Errorf("-e %s has %w", *f.engineID, err)
	}
	auth, priv, err := u.LocalizedKeys(id)
	add("localized_key", auth)
	add("priv_localized_key", priv)
	return lines, err
}

// user has the passphrases that are given: that of privacy may be left out.
func (f *keyFlags) user() (u snmp.User, err error) {
	if *f.authPassword == "" {
		return u, errors.New("a passphrase is needed: -A, and for privacy -X too")
	}
	if u.Auth, err = snmp.ParseAuthProtocol(*f.authProtocol); err != nil {
		return u, err
	}
	for name, text := range map[string]string{"-A": *f.authPassword, "-X": *f.privPassword} {
		if text != "" && snmp.Passphrase(text).Short() {
			fmt.Fprintf(os.Stderr, "warning: %s has %d characters: RFC 3414 section 11.2 asks for %d or more\n", name, len(text), snmp.MinPassphrase)
		}
	}
	u.AuthKey = snmp.Passphrase(*f.authPassword)
	if err := u.AuthKey.FitsAuth(u.Auth); err != nil {
		return u, fmt.Errorf("-A has %w", err)
	}
	if *f.privPassword == "" {
		return u, nil
	}
	if u.Priv, err = snmp.ParsePrivProtocol(*f.privProtocol); err != nil {
		return u, err
	}
	u.PrivKey = snmp.Passphrase(*f.privPassword)
	if err := u.PrivKey.FitsPriv(u.Auth, u.Priv); err != nil {
		return u, fmt.Errorf("-X has %w", err)
	}
	return u, nil
}
