package tools

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"trapline/internal/cli"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

func addKey(program *cli.Program) {
	c := program.App.Command("key", "Print the keys that passphrases of SNMPv3 are turned into: for all devices and, with --engine-id, for one.")
	flags := cli.AddKeyFlags(c)
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		lines, err := keyLines(&flags)
		if err != nil {
			return err
		}
		fmt.Println(strings.Join(lines, "\n"))
		return nil
	}
}

// keyLines returns the lines that an auth would have.
func keyLines(f *cli.KeyFlags) (lines []string, err error) {
	u, err := passphrases(f)
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
	if *f.EngineID == "" {
		return lines, nil
	}
	id, err := setting.Hex(*f.EngineID)
	if err != nil {
		return nil, fmt.Errorf("-e %s has %w", *f.EngineID, err)
	}
	auth, priv, err := u.LocalizedKeys(id)
	add("localized_key", auth)
	add("priv_localized_key", priv)
	return lines, err
}

// passphrases returns the user of the passphrases. That of privacy is optional.
func passphrases(f *cli.KeyFlags) (u snmp.User, err error) {
	if *f.AuthPassword == "" {
		return u, errors.New("a passphrase is needed: -A, and for privacy -X too")
	}
	if u.Auth, err = snmp.ParseAuthProtocol(*f.AuthProtocol); err != nil {
		return u, err
	}
	for name, text := range map[string]string{"-A": *f.AuthPassword, "-X": *f.PrivPassword} {
		if text != "" && snmp.Passphrase(text).Short() {
			fmt.Fprintf(os.Stderr, "warning: %s has %d characters: RFC 3414 section 11.2 asks for %d or more\n", name, len(text), snmp.MinPassphrase)
		}
	}
	u.AuthKey = snmp.Passphrase(*f.AuthPassword)
	if err := u.AuthKey.FitsAuth(u.Auth); err != nil {
		return u, fmt.Errorf("-A has %w", err)
	}
	if *f.PrivPassword == "" {
		return u, nil
	}
	if u.Priv, err = snmp.ParsePrivProtocol(*f.PrivProtocol); err != nil {
		return u, err
	}
	u.PrivKey = snmp.Passphrase(*f.PrivPassword)
	if err := u.PrivKey.FitsPriv(u.Auth, u.Priv); err != nil {
		return u, fmt.Errorf("-X has %w", err)
	}
	return u, nil
}
