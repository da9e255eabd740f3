package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/setting"
)

// HostFlags say which target to talk to, in the letters that Net-SNMP's commands use.
type HostFlags struct {
	timeout, source, device, Host *string
	retries                       *int
}

// AddHostFlags adds the flags, and the argument that names the target.
func AddHostFlags(c *kingpin.CmdClause) HostFlags {
	return HostFlags{
		timeout: c.Flag("timeout", "How long to wait for each answer: seconds, or a duration such as 500ms.").Short('t').Default("1").String(),
		retries: CountOf(c.Flag("retries", "How often to ask again.").Short('r').Default("5"), 0),
		source:  c.Flag("source-address", "Address, or address:port, to send from.").String(),
		device:  c.Flag("source-interface", "Network interface to send from.").String(),
		Host:    c.Arg("target", "[udp|udp6|tcp:]host[:port]").Required().String(),
	}
}

// KeyFlags are the passphrases and protocols that the keys of SNMPv3 are made of.
type KeyFlags struct {
	AuthProtocol, AuthPassword, PrivProtocol, PrivPassword *string
	EngineID                                               *string
}

// AddKeyFlags adds the flags.
func AddKeyFlags(c *kingpin.CmdClause) KeyFlags {
	return KeyFlags{
		AuthProtocol: c.Flag("auth-protocol", "MD5, SHA, SHA224, SHA256, SHA384 or SHA512.").Short('a').Default("MD5").String(),
		AuthPassword: c.Flag("auth-password", "Passphrase of the auth protocol.").Short('A').String(),
		PrivProtocol: c.Flag("priv-protocol", "DES, AES, AES192, AES256, or AES192C, AES256C for Cisco's key extension; 3DES for devices that have nothing else.").Short('x').Default("DES").String(),
		PrivPassword: c.Flag("priv-password", "Passphrase of the priv protocol.").Short('X').String(),
		EngineID:     c.Flag("engine-id", "Engine ID of the device, in hexadecimal digits; without it, or with 0x0000000000, the device is asked.").Short('e').String(),
	}
}

// ClientFlags say as whom to talk to one target, and how.
type ClientFlags struct {
	HostFlags
	KeyFlags
	Version, Community, User, level *string
	authMaster, privMaster          *string
	authLocalized, privLocalized    *string
	context, contextEngine          *string
	repetitions                     *uint32
	packets, unconnected            *bool
	place                           place
}

// AddClientFlags adds the flags, and the argument that names the target.
func AddClientFlags(c *kingpin.CmdClause) *ClientFlags {
	f := &ClientFlags{
		Version:       addVersionFlag(c),
		Community:     c.Flag("community", "Community (versions 1 and 2c).").Short('c').Default("public").String(),
		User:          c.Flag("user", "User name (version 3).").Short('u').String(),
		level:         c.Flag("level", "Security level: noAuthNoPriv, authNoPriv or authPriv.").Short('l').Default(access.NoAuthNoPriv).String(),
		KeyFlags:      AddKeyFlags(c),
		authMaster:    c.Flag("auth-master-key", "Master key of the auth protocol, in hexadecimal digits. -3m is the same.").String(),
		privMaster:    c.Flag("priv-master-key", "Master key of the priv protocol. -3M is the same.").String(),
		authLocalized: c.Flag("auth-localized-key", "Localized key of the auth protocol. -3k is the same.").String(),
		privLocalized: c.Flag("priv-localized-key", "Localized key of the priv protocol. -3K is the same.").String(),
		context:       c.Flag("context", "Context name.").Short('n').String(),
		contextEngine: c.Flag("context-engine-id", "Context engine ID, in hexadecimal digits.").Short('E').String(),
		repetitions:   c.Flag("repetitions", "Repetitions of a GETBULK.").Default("25").Uint32(),
	}
	f.unconnected = c.Flag("unconnected-udp-socket", "Take answers from other addresses than the one asked: use_unconnected_udp_socket of the configuration.").Bool()
	f.packets = c.Flag("packets", "Print each message to standard error, decoded and decrypted, without its secrets.").Bool()
	f.HostFlags = AddHostFlags(c)
	return f
}

// versionValue is the argument of -v: 1, 2c or 3, however it is spelled.
type versionValue string

func addVersionFlag(c *kingpin.CmdClause) *string {
	v := new(versionValue)
	c.Flag("snmp-version", "Version of SNMP: 1, 2c or 3.").Short('v').Default("2c").SetValue(v)
	return (*string)(v)
}

// Set reads any spelling.
func (v *versionValue) Set(text string) error {
	version, err := access.ParseVersion(text)
	*v = versionValue([]string{"", "1", "2c", "3"}[version])
	return err
}

func (v *versionValue) String() string { return string(*v) }

// keyOptions are Net-SNMP's options of two letters, which kingpin has no form for.
var keyOptions = map[string]string{
	"-3m": "--auth-master-key", "-3M": "--priv-master-key", "-3k": "--auth-localized-key", "-3K": "--priv-localized-key",
}

// SpelledOut returns the arguments with the key options in their long form. A negative number is no option,
// and none follows it; nor is the value of --to, which begins with options of its own.
func SpelledOut(args []string) []string {
	args = slices.Clone(args)
	for i, a := range args {
		if a == "--" {
			return args
		}
		if long, ok := keyOptions[a]; ok {
			args[i] = long
		} else if a == "--to" && i+1 < len(args) {
			return append(args[:i:i], slices.Concat([]string{a + "=" + args[i+1]}, SpelledOut(args[i+2:]))...)
		} else if _, err := strconv.ParseFloat(a, 64); err == nil && a[0] == '-' {
			return slices.Insert(args, i, "--")
		}
	}
	return args
}

// Auth returns the credentials. Problems are the user's, in the flags.
func (f *ClientFlags) Auth() (*access.Auth, error) {
	if f.place.auth != nil && !f.place.overridden {
		return f.place.auth, nil
	}
	version, err := access.ParseVersion(*f.Version)
	if err != nil {
		return nil, err
	}
	a := &access.Auth{
		Version:          version,
		Community:        setting.Secret(*f.Community),
		SecurityLevel:    *f.level,
		Username:         *f.User,
		Password:         setting.Secret(*f.AuthPassword),
		MasterKey:        setting.Secret(*f.authMaster),
		LocalizedKey:     setting.Secret(*f.authLocalized),
		AuthProtocol:     *f.AuthProtocol,
		PrivProtocol:     *f.PrivProtocol,
		PrivPassword:     setting.Secret(*f.PrivPassword),
		PrivMasterKey:    setting.Secret(*f.privMaster),
		PrivLocalizedKey: setting.Secret(*f.privLocalized),
		EngineID:         *f.EngineID,
	}
	a = f.place.over(a)
	a.Canonical()
	if m := a.Problems(); len(m) > 0 {
		return nil, inFlags(m[0])
	}
	for _, m := range a.Warnings() {
		fmt.Fprintln(os.Stderr, "warning:", m.Text)
	}
	return a, nil
}

// authFlags are the flags of the settings of an auth.
var authFlags = map[string]string{
	"username": "-u", "password": "-A", "priv_password": "-X", "auth_protocol": "-a", "priv_protocol": "-x", "security_level": "-l", "engine_id": "-e",
	"master_key": "-3m", "priv_master_key": "-3M", "localized_key": "-3k", "priv_localized_key": "-3K",
}

// missing has the flags of the settings that an auth may lack.
var missing = map[string]string{
	"username": "-u NAME", "password": "-A PASSPHRASE, or the key: -3m or -3k", "priv_password": "-X PASSPHRASE, or the key: -3M or -3K",
}

// inFlags names the flags of a setting that an auth lacks, or that does not fit.
func inFlags(m setting.Problem) error {
	text, _, _ := strings.Cut(m.Text, ": write ")
	for name, flag := range missing {
		if before, found := strings.CutSuffix(text, " needs a "+name); found {
			return fmt.Errorf("%s needs a %s: %s", before, strings.Replace(name, "priv_", "privacy ", 1), flag)
		}
	}
	if rest, found := strings.CutPrefix(m.Text, m.Path+" has "); found && authFlags[m.Path] != "" {
		return fmt.Errorf("%s has %s", authFlags[m.Path], rest)
	}
	return errors.New(m.Text)
}

func (f *HostFlags) spec() (client.Spec, error) {
	source, err := access.ParseSource(*f.source)
	return client.Spec{Address: *f.Host, Source: source, Interface: *f.device}, err
}

// Params returns the timeout and the retries of the flags.
func (f *HostFlags) Params() (client.Params, error) {
	timeout, err := time.ParseDuration(*f.timeout)
	if seconds, bare := strconv.ParseFloat(*f.timeout, 64); bare == nil {
		timeout, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || timeout <= 0 {
		return client.Params{}, fmt.Errorf("-t %s: write seconds, or a duration such as 500ms", *f.timeout)
	}
	return client.Params{Timeout: setting.Duration{Duration: timeout}, Retries: f.retries}, nil
}

// Discover asks the target of the flags for its engine ID.
func (f *HostFlags) Discover(ctx context.Context, logger *slog.Logger) (client.Discovery, error) {
	params, err := f.Params()
	if err != nil {
		return client.Discovery{}, err
	}
	spec, err := f.spec()
	if err != nil {
		return client.Discovery{}, err
	}
	e := client.New(client.Options{Logger: logger})
	defer e.Close()
	t, err := e.Target(spec)
	if err != nil {
		return client.Discovery{}, err
	}
	return t.Discover(ctx, params)
}

// Spec returns the target of the flags with its credentials.
func (f *ClientFlags) Spec() (client.Spec, error) {
	spec, err := f.HostFlags.spec()
	if err != nil {
		return spec, err
	}
	if spec.Auth, err = f.Auth(); err != nil {
		return spec, err
	}
	id, err := setting.Hex(*f.contextEngine)
	if err != nil {
		return spec, fmt.Errorf("-E %s has %w", *f.contextEngine, err)
	}
	spec.Context, spec.ContextEngineID, spec.Engine = *f.context, string(id), f.place.engine
	return spec, nil
}

// Target opens the session to the target of the flags. Where a localized key comes without the engine
// that it is for, the target is asked.
func (f *ClientFlags) Target(ctx context.Context, logger *slog.Logger) (*client.Client, *client.Target, client.Params, error) {
	params, err := f.Params()
	if err != nil {
		return nil, nil, params, Usage(err)
	}
	params.MaxRepetitions, params.UseUnconnectedUDPSocket = f.repetitions, *f.unconnected
	params = params.WithDefaults(f.place.params)
	if *f.Version == "3" && *f.authLocalized+*f.privLocalized != "" && *f.EngineID == "" {
		wildcard := access.WildcardEngineID
		f.EngineID = &wildcard
	}
	spec, err := f.Spec()
	if err != nil {
		return nil, nil, params, Usage(err)
	}
	options := client.Options{Logger: logger}
	if *f.packets {
		options.Trace = func(p *client.Packet) { _, _ = os.Stderr.Write(appendPacket(nil, p)) }
	}
	e := client.New(options)
	t, err := e.Target(spec)
	return e, t, params, Usage(err)
}
